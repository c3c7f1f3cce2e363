//! A change that is decided anew when somebody else was quicker.

use crate::{
    Backend,
    door::{Caller, Can},
    web::Answer,
};
use domain::{Error, Result, commit::Commit, limits, policy::Permission};

impl<P: Permission> Can<P> {
    /// Reads, decides, stores and answers; and all of it again, by the same caller let in anew, when what was read is no longer so.
    ///
    /// So nobody is refused for what was written in the same moment, but by the rule itself, or because they named a version.
    /// It ends with [`Error::Busy`] after [`limits::RACE_TRIES`].
    pub async fn settle<Decided, E>(&self, decide: impl Fn(Self) -> Decided) -> Result<Answer, E>
    where
        Decided: Future<Output = Result<(Commit, Answer)>>,
        E: From<Error>,
    {
        let (_, answer) = self.race(decide, |answer: &Answer| Some(answer.clone())).await?;
        answer.ok_or_else(|| Error::internal("an answer was lost on its way").into())
    }

    /// The same for what has another answer than what is stored: a part of a request, or a secret that is shown once.
    pub async fn settle_part<Decided, T>(&self, decide: impl Fn(Self) -> Decided) -> Result<T>
    where
        Decided: Future<Output = Result<(Commit, T)>>,
    {
        let (made, _) = self.race(decide, |_| None).await?;
        Ok(made)
    }

    /// Gives back what was decided, and the answer that is kept under the request's key: this one, or that of a twin.
    async fn race<Decided, T>(&self, decide: impl Fn(Self) -> Decided, answer: impl Fn(&T) -> Option<Answer>) -> Result<(T, Option<Answer>)>
    where
        Decided: Future<Output = Result<(Commit, T)>>,
    {
        let mut can = self.clone();
        for tries in 0..limits::RACE_TRIES {
            let (commit, made) = decide(can.clone()).await?;
            let stored = match answer(&made) {
                Some(answer) => can.answer(commit, answer).await.map(Some),
                None => can.commit(commit).await.map(|()| None),
            };
            match stored {
                Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) => can.step_aside(tries).await,
                other => return other.map(|answer| (made, answer)),
            }
            can = can.again().await?;
        }
        Err(Error::Busy("what this is about keeps changing".into()))
    }

    /// The same caller at a later moment: who they are and what they may is read again.
    pub async fn again(&self) -> Result<Self> {
        let backend = Backend(self.room.inner.clone());
        let mut caller = Caller::identify(&backend, &self.pass, self.room.origin.clone(), Vec::new()).await?;
        caller.room.claim = self.room.claim.clone();
        caller.can().await
    }
}
