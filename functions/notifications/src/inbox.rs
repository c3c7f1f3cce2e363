use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, List, Path},
};
use domain::{id::NotificationId, notification::Notification, policy::ReadInbox};

/// My inbox, the latest first.
#[utoipa::path(get, path = "/api/v1/notifications", operation_id = "list_notifications", tag = "notifications", params(PageQuery), responses((status = 200, body = Page<Notification>)))]
pub async fn list(can: Can<ReadInbox>, list: List<All>) -> Result<Answer, Problem> {
    // The table forgets what has expired when it comes to it
    let now = can.now().as_second();
    let shown = |notification: &Notification| notification.channels.in_app && notification.expires > now;
    Ok(Answer::ok(&can.list_where(keys::notifications(can.tenant(), can.user()), &list.paging, true, shown).await?)?)
}

/// Mark a notification as read.
#[utoipa::path(put, path = "/api/v1/notifications/{notification}/read", operation_id = "read_notification", tag = "notifications", params(("notification" = NotificationId, Path)), responses((status = 200, body = Notification)))]
pub async fn read(can: Can<ReadInbox>, Path(id): Path<NotificationId>) -> Result<Answer, Problem> {
    let notification: Notification = can.find(keys::notification(can.tenant(), can.user(), &id), "notification").await?;
    if notification.read_at.is_some() {
        return Ok(Answer::record(&notification)?);
    }
    let (notification, commit) = notification.read(can.now());
    can.commit(commit).await?;
    Ok(Answer::record(&notification)?)
}
