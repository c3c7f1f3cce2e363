use backend::{keys, system::System};
use domain::{
    Result,
    conversation::{Audience, Conversation, Participation, Socket},
    id::UserId,
    limits,
};
use serde_json::json;

/// Tells those who talk with somebody one to one that they came, went or stepped away.
pub async fn changed(system: &System, before: Option<Socket>, after: Option<Socket>) -> Result<()> {
    let same = before.as_ref().map(|socket| socket.presence) == after.as_ref().map(|socket| socket.presence);
    let Some(user) = after.or(before).map(|socket| socket.user).filter(|_| !same) else { return Ok(()) };
    let presence = system.presence(&user).await?;
    let payload = json!({ "event": "presence", "user": user, "presence": presence, "at": system.now() });
    for other in partners(system, &user).await? {
        system.push_to_user(&other, &payload).await?;
    }
    Ok(())
}

async fn partners(system: &System, user: &UserId) -> Result<Vec<UserId>> {
    let mine: Vec<Participation> = system.all(keys::participations(system.tenant(), user), limits::PRESENCE).await?;
    let keys = mine.iter().map(|mine| keys::conversation(system.tenant(), &mine.conversation)).collect();
    let conversations: Vec<Conversation> = system.get_many(keys).await?;
    let others = conversations.into_iter().filter_map(|conversation| match conversation.audience {
        Audience::Direct { members } => members.into_iter().find(|member| member != user),
        Audience::Everyone { .. } => None,
    });
    Ok(others.collect())
}
