//! Jobs for workers. A job names what to work on; the worker reads it again and acts only if it still holds.

use crate::Backend;
use domain::{Error, Result, Timestamp, alert::Alert, commit::Subject, id::*, text::Email, timer::Timer, webhook::Delivery};
use serde::{Deserialize, Serialize};

/// A PDF to make, or a picture to look at or to remove.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "paper", rename_all = "snake_case")]
pub enum PaperJob {
    Invoice {
        organization: OrganizationId,
        invoice: InvoiceId,
    },
    Picture {
        organization: OrganizationId,
        picture: PictureId,
    },
    /// One that is shown no more; without an owner it was the logo.
    Forget {
        organization: OrganizationId,
        owner: Option<UserId>,
        picture: PictureId,
    },
}

/// A mail to write. The links in it are derived when it is written and stand in no queue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailJob {
    Welcome {
        organization: OrganizationId,
        user: UserId,
    },
    /// The link that confirms an address, asked for again or for another address.
    Confirmation {
        organization: OrganizationId,
        user: UserId,
        asked_at: Timestamp,
    },
    /// The link for a new password; asked for twice, it is sent twice.
    Reset {
        organization: OrganizationId,
        user: UserId,
        asked_at: Timestamp,
    },
    Invitation {
        organization: OrganizationId,
        invitation: InvitationId,
        sending: u32,
    },
    /// Something touched how a person signs in. It has happened, so it is told whatever holds by now.
    Alert {
        organization: OrganizationId,
        user: UserId,
        alert: Alert,
        /// Where it goes when not to the account's address.
        to: Option<Email>,
        change: ChangeId,
        at: Timestamp,
        by: String,
        address: String,
        device: String,
    },
    /// To somebody who is to run the platform.
    Operator {
        operator: OperatorId,
    },
    /// Somebody was made a member by a directory elsewhere.
    Provisioned {
        organization: OrganizationId,
        user: UserId,
        at: Timestamp,
    },
    /// To an owner: the organisation will be removed, or is kept after all.
    Removal {
        organization: OrganizationId,
        user: UserId,
        change: ChangeId,
        kept: bool,
    },
    /// To an owner: the organisation may change nothing at present, or may again.
    Suspension {
        organization: OrganizationId,
        user: UserId,
        change: ChangeId,
        suspended: bool,
    },
    Notification {
        organization: OrganizationId,
        user: UserId,
        notification: NotificationId,
    },
}

/// A timer that falls due.
#[derive(Debug, Serialize, Deserialize)]
pub struct TimerJob {
    pub organization: OrganizationId,
    pub timer: Timer,
}

/// Something for webhooks to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum WebhookJob {
    /// A change was made; whoever hears of it gets a delivery.
    Tell { organization: OrganizationId, change: ChangeId, action: String, subject: Subject },
    /// A delivery is to be tried at a time. It holds while the delivery has this version.
    Deliver { organization: OrganizationId, webhook: WebhookId, delivery: DeliveryId, version: u64, at: Timestamp },
}

impl WebhookJob {
    pub fn deliver(organization: &OrganizationId, delivery: Delivery) -> Self {
        let Delivery { id, webhook, version, next_at, .. } = delivery;
        Self::Deliver { organization: organization.clone(), webhook, delivery: id, version, at: next_at }
    }

    pub fn organization(&self) -> &OrganizationId {
        match self {
            Self::Tell { organization, .. } | Self::Deliver { organization, .. } => organization,
        }
    }
}

impl Backend {
    async fn send(&self, queue: &str, job: &impl Serialize, delay_seconds: i32) -> Result<()> {
        let body = serde_json::to_string(job).map_err(Error::internal)?;
        let request = self.0.sqs().send_message().queue_url(self.0.settings.get(queue)).message_body(body);
        request.set_delay_seconds((delay_seconds > 0).then_some(delay_seconds)).send().await.map_err(crate::table::failed)?;
        Ok(())
    }

    pub async fn ask_for_paper(&self, job: &PaperJob) -> Result<()> {
        self.send("DOCUMENTS_QUEUE", job, 0).await
    }

    pub async fn ask_for_mail(&self, job: &MailJob) -> Result<()> {
        self.send("MAIL_QUEUE", job, 0).await
    }

    /// What is to be done later than a queue waits comes early, and is put back.
    pub async fn ask_for_webhook(&self, job: &WebhookJob) -> Result<()> {
        let wait = match job {
            WebhookJob::Tell { .. } => 0,
            WebhookJob::Deliver { at, .. } => (at.duration_since(self.now()).as_millis().max(0) + 999) / 1000,
        };
        self.send("WEBHOOKS_QUEUE", job, i32::try_from(wait.min(900)).unwrap_or(900)).await
    }

    /// Puts a timer on its queue so that it arrives at its very second.
    pub async fn set_off(&self, job: &TimerJob) -> Result<()> {
        let wait = job.timer.at.duration_since(self.now());
        let seconds = (wait.as_millis().max(0) + 999) / 1000;
        self.send("REMINDERS_QUEUE", job, i32::try_from(seconds.min(900)).unwrap_or(900)).await
    }

    /// Timers of all organisations that fall due until then, the earliest first.
    pub async fn due_timers(&self, until: Timestamp, most: usize) -> Result<Vec<TimerJob>> {
        use crate::{keys, table};
        let mut jobs = Vec::new();
        for shard in 0..domain::limits::TIMER_SHARDS {
            let mut after = None;
            loop {
                let walk = table::Walk { descending: false, limit: 100, after };
                let found = self.0.own.table.query(&keys::timers(shard, until), walk).await?;
                for item in found.items {
                    let organization = table::text(&item, "tenant").and_then(|id| id.parse().ok());
                    let organization = organization.ok_or_else(|| Error::internal("a timer belongs to no organisation"))?;
                    jobs.push(TimerJob { organization, timer: table::parse(item)? });
                }
                after = found.more;
                if after.is_none() || jobs.len() >= most {
                    break;
                }
            }
        }
        Ok(jobs)
    }
}
