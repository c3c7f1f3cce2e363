use backend::{keys, system::System};
use domain::{Result, commit::Record, organization::Membership};

/// Brings the lists of the directory in step with a member as they are now, whatever the order in which writes arrive.
pub async fn refind(system: &System, before: Option<&Membership>, after: Option<&Membership>) -> Result<()> {
    let entries = |member: Option<&Membership>| member.map(Membership::entries).unwrap_or_default();
    let (had, has) = (entries(before), entries(after));
    if is_alike(&had, &has) {
        return Ok(());
    }
    let Some(member) = after.or(before) else { return Ok(()) };
    let now = system.get(keys::member(system.tenant(), &member.user)).await?;
    system.replace_entries(had, has, entries(now.as_ref())).await
}

fn is_alike(had: &[Record], has: &[Record]) -> bool {
    let same = |entries: (&Record, &Record)| match entries {
        (Record::MemberWord(a), Record::MemberWord(b)) => a == b,
        (Record::MemberMail(a), Record::MemberMail(b)) => a == b,
        _ => false,
    };
    had.len() == has.len() && had.iter().zip(has).all(same)
}
