use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, List},
};
use domain::{
    Result, holidays,
    organization::Organization,
    policy::{EditOrganization, ReadOrganization, Reads},
    settings::{Settings, SettingsEdit, WorkingDays},
};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

async fn ours<P: Reads<Settings>>(can: &Can<P>) -> Result<Settings> {
    Ok(can.get(keys::settings(can.tenant())).await?.unwrap_or_default())
}

/// What the organisation has decided for all who belong to it.
#[utoipa::path(get, path = "/api/v1/organization/settings", operation_id = "get_settings", tag = "organization", responses((status = 200, body = Settings)))]
pub async fn get(can: Can<ReadOrganization>) -> Result<Answer, Problem> {
    Ok(Answer::record(&ours(&can).await?)?)
}

/// Change what holds for all: working hours and holidays, what a new password must be, which addresses may join, how long
/// inboxes are kept, the colour of invoices. Time zone and currency are the organisation's own.
#[utoipa::path(patch, path = "/api/v1/organization/settings", operation_id = "edit_settings", tag = "organization", params(IfMatchHeader), request_body = SettingsEdit, responses((status = 200, body = Settings)))]
pub async fn edit(can: Can<EditOrganization>, seen: IfMatch, Body(edit): Body<SettingsEdit>) -> Result<Answer, Problem> {
    let edit = &edit;
    can.settle(|can| async move {
        let (settings, commit) = seen.check(ours(&can).await?)?.edit(edit.clone())?;
        Ok((commit, Answer::record(&settings)?))
    })
    .await
}

/// Remove the logo.
#[utoipa::path(delete, path = "/api/v1/organization/logo", operation_id = "remove_logo", tag = "organization", responses((status = 204)))]
pub async fn remove_logo(can: Can<EditOrganization>) -> Result<Answer, Problem> {
    let settings = ours(&can).await?;
    if settings.logo.is_some() {
        can.commit(settings.show(None)).await?;
    }
    Ok(Answer::nothing())
}

/// Holidays as somebody publishes them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HolidayFile {
    /// The text of an iCalendar file, or one holiday a line with its date and name.
    #[schema(example = "2026-12-25 Christmas Day\n2026-12-26 Boxing Day")]
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct Imported {
    /// Days that were read.
    read: usize,
    /// Entries that were not: those that have a time of day, repeat in another way than each year, or last longer than a month.
    skipped: usize,
    settings: Settings,
}

/// Add holidays from an iCalendar file or a list. What repeats each year is added for this year and the four that follow. A day
/// that was a holiday already takes the new name.
#[utoipa::path(post, path = "/api/v1/organization/holidays", operation_id = "import_holidays", tag = "organization", params(IfMatchHeader), request_body = HolidayFile, responses((status = 200, body = Imported)))]
pub async fn import_holidays(can: Can<EditOrganization>, seen: IfMatch, Body(file): Body<HolidayFile>) -> Result<Answer, Problem> {
    let holidays::Read { holidays, skipped } = holidays::read(&file.text, can.now().to_zoned(TimeZone::UTC).year())?;
    let holidays = &holidays;
    can.settle(|can| async move {
        let (settings, commit) = seen.check(ours(&can).await?)?.add_holidays(holidays.clone())?;
        Ok((commit, Answer::versioned(settings.version, &Imported { read: holidays.len(), skipped, settings })?))
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Days {
    #[param(example = "2026-12-21")]
    from: Date,
    /// Included, and within a year of the first.
    #[param(example = "2026-12-31")]
    to: Date,
}

/// Which days are worked, and for how long: without holidays, and as clocks go forward and back.
#[utoipa::path(get, path = "/api/v1/organization/working-days", operation_id = "get_working_days", tag = "organization", params(Days), responses((status = 200, body = WorkingDays)))]
pub async fn working_days(can: Can<ReadOrganization>, List { filter: Days { from, to }, .. }: List<Days>) -> Result<Answer, Problem> {
    let (organization, settings): (Organization, _) =
        tokio::try_join!(can.find(keys::organization(can.tenant()), "organisation"), ours(&can))?;
    Ok(Answer::ok(&settings.working_days(from, to, &organization.zone)?)?)
}
