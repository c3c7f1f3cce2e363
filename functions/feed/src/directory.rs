use backend::{keys, system::System};
use domain::{Error, Result, commit::Record, limits, organization::Membership};

/// Brings the lists of the directory in step with a member as they are now, whatever the order in which writes arrive.
pub async fn refind(system: &System, before: Option<&Membership>, after: Option<&Membership>) -> Result<()> {
    let ((had, had_groups), (has, has_groups)) = (entries(before), entries(after));
    let Some(member) = after.or(before) else { return Ok(()) };
    let same = (is_alike(&had, &has), is_alike(&had_groups, &has_groups));
    if same == (true, true) {
        return Ok(());
    }
    for _ in 0..limits::RACE_TRIES {
        let now = system.get(keys::member(system.tenant(), &member.user)).await?;
        let (holds, groups) = entries(now.as_ref());
        if !same.0 {
            system.replace_entries(had.clone(), has.clone(), holds).await?;
        }
        if same.1 {
            return Ok(());
        }
        // A directory elsewhere replaces a group by its list. So whoever is put into it meanwhile may not be taken off that
        match system.replace_entries_while(now, had_groups.clone(), has_groups.clone(), groups).await {
            Err(Error::Stale { .. } | Error::NotFound(_)) => {}
            done => return done,
        }
    }
    Err(Error::Busy("the member keeps changing".into()))
}

/// Where a member stands, and apart from it the lists of groups.
fn entries(member: Option<&Membership>) -> (Vec<Record>, Vec<Record>) {
    let entries = member.map(Membership::entries).unwrap_or_default();
    entries.into_iter().partition(|entry| !matches!(entry, Record::MemberWord(entry) if entry.is_of_group()))
}

fn is_alike(had: &[Record], has: &[Record]) -> bool {
    let same = |entries: (&Record, &Record)| match entries {
        (Record::MemberWord(a), Record::MemberWord(b)) => a == b,
        (Record::MemberMail(a), Record::MemberMail(b)) => a == b,
        _ => false,
    };
    had.len() == has.len() && had.iter().zip(has).all(same)
}
