//! Every limit of the product in one place.

use jiff::{SignedDuration, Timestamp};
use std::ops::Range;

// What comes in
/// Bytes of a request body; a larger one is answered with 413.
pub const BODY_BYTES: usize = 64 * 1024;
/// Bytes of one WebSocket frame, as API Gateway allows.
pub const FRAME_BYTES: usize = 32 * 1024;
/// Frames a connection may send in a second before it is told to slow down.
pub const FRAMES_A_SECOND: u32 = 50;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY: usize = 128;
pub const IDEMPOTENCY_KEPT: SignedDuration = SignedDuration::from_hours(24);

// Secrets
/// A change of the keys is felt by every process after this long.
pub const SECRETS_KEPT: SignedDuration = SignedDuration::from_mins(5);

// Credentials of one organisation
/// Organisations one process keeps credentials for at once.
pub const TENANT_STORES: usize = 1_000;
/// They are replaced this long before they end.
pub const TENANT_STORE_MARGIN: SignedDuration = SignedDuration::from_mins(5);

// Lists
pub const PAGE: usize = 50;
pub const PAGE_MOST: usize = 100;
/// Projects that are looked at when a team or a department is deleted.
pub const PROJECTS_SETTLED: usize = 10_000;
/// Pages of the table read to fill one page of a filtered list.
pub const FILTER_ROUNDS: usize = 5;
/// Days of the trail read to fill one page of it.
pub const TRAIL_DAYS: usize = 31;
/// Characters of a search text.
pub const SEARCH_TEXT: usize = 100;
/// Different words of one record that can be searched.
pub const SEARCH_WORDS: usize = 60;
/// Words of a member's name, and as many of their mail address, that can be searched.
pub const DIRECTORY_WORDS: usize = 10;
/// Words of one skill that can be searched.
pub const SKILL_WORDS: usize = 3;
/// Lists of the directory that one search looks into for the shortest.
pub const DIRECTORY_LISTS: usize = 8;
/// People whose names are asked for at once.
pub const NAMES: usize = 100;
/// Rows of a list of people to invite.
pub const IMPORT_ROWS: usize = 500;
/// Columns of it whose names are said to mean nothing.
pub const IMPORT_COLUMNS: usize = 50;
/// Members of a directory that is had as one file.
pub const EXPORT_MEMBERS: usize = 20_000;
/// Characters of a filter of SCIM, and how deep it may be nested.
pub const SCIM_FILTER: usize = 1_000;
pub const SCIM_FILTER_DEPTH: usize = 20;
/// Operations of one change.
pub const SCIM_OPERATIONS: usize = 200;
/// Resources of one page.
pub const SCIM_PAGE: usize = 200;
/// Users who are looked at for a filter that names nobody.
pub const SCIM_SCAN: usize = 1_000;
/// Users who are listed.
pub const SCIM_LIST: usize = 20_000;
/// Characters of a member's name that it is sorted by.
pub const SORTING_NAME: usize = 80;

// One write
/// Records of one transaction; DynamoDB takes 100.
pub const TRANSACTION: usize = 100;
/// Tries of a write that lost a race it may simply run again.
pub const RACE_TRIES: usize = 12;
pub const CHANGE_SHARDS: u32 = 4;
pub const TIMER_SHARDS: u32 = 4;

// People
pub const PASSWORD_MOST: usize = 128;
pub const PASSWORD_LEAST: usize = 10;
/// Different characters of a password.
pub const PASSWORD_DIFFERENT: usize = 5;
/// Passwords hashed at once in one process.
pub const HASHES_AT_ONCE: usize = 4;
/// Wrong passwords in a minute, per account.
pub const WRONG_LOGINS: u32 = 10;
/// Wrong passwords in a minute, per address: an office shares one.
pub const WRONG_LOGINS_PER_ADDRESS: u32 = 50;
/// Wrong codes of a second factor in an hour, per account: six digits give way to many guesses …
pub const WRONG_CODES: u32 = 10;
/// … and per address.
pub const WRONG_CODES_PER_ADDRESS: u32 = 50;
/// How long somebody has to type a code after the password, or to use a passkey.
pub const CHALLENGE: SignedDuration = SignedDuration::from_mins(5);
pub const RECOVERY_CODES: usize = 10;
/// Passkeys of one person.
pub const PASSKEYS: usize = 20;
/// Providers of sign-in of an organisation.
pub const PROVIDERS: usize = 5;
/// How long somebody may take to sign in at their provider.
pub const PROVIDER_SIGN_IN: SignedDuration = SignedDuration::from_mins(10);
/// How long a session lasts that a provider opened, however often it is refreshed: what the provider takes away is felt by then.
pub const PROVIDER_SESSION: SignedDuration = SignedDuration::from_hours(24);
/// Sign-ins through providers that are begun in an hour, per address: an office shares one.
pub const PROVIDER_SIGN_INS_PER_ADDRESS: u32 = 1_000;
/// How long a provider may take for one answer; a sign-in waits for four at the most …
pub const PROVIDER_PATIENCE: SignedDuration = SignedDuration::from_secs(3);
/// … and how many bytes of it are read.
pub const PROVIDER_ANSWER: usize = 256 * 1024;
/// Characters of a code a provider gave out.
pub const PROVIDER_CODE: usize = 4_000;
/// Keys of one provider that are looked at.
pub const PROVIDER_KEYS: usize = 50;
/// What one process remembers of providers: of how many, and for how long.
pub const PROVIDERS_KNOWN: usize = 500;
pub const PROVIDER_KNOWN: SignedDuration = SignedDuration::from_hours(1);
/// How far a provider's clock may differ from ours.
pub const PROVIDER_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Characters of the name a provider has for somebody, as the standard bounds it.
pub const SUBJECT: usize = 255;
/// Sign-ups in an hour, per address.
pub const SIGN_UPS_PER_ADDRESS: u32 = 100;
pub const ACCESS_TOKEN: SignedDuration = SignedDuration::from_mins(15);
/// A session ends this long after its last refresh …
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(24 * 14);
/// … and this long after its login, whatever happened since.
pub const SESSION_ABSOLUTE: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Sessions of one person, open and ended, that are looked at.
pub const SESSIONS: usize = 1_000;
/// Sessions a new one is compared with, to see whether its device was here before.
pub const SESSIONS_COMPARED: usize = 100;
/// Organisations one person is shown to belong to.
pub const ORGANIZATIONS_OF_ONE: usize = 100;
/// Roles of an organisation's own.
pub const CUSTOM_ROLES: usize = 20;
pub const GROUPS: usize = 50;
pub const OWNERS: usize = 20;
/// Departments of an organisation, which stand in one record …
pub const DEPARTMENTS: usize = 300;
/// … and how many of them one below the other.
pub const DEPARTMENT_LEVELS: usize = 20;
pub const HEADS: usize = 5;
/// What one member is in parts of the organisation; read with each of their requests.
pub const POSTS: usize = 100;
/// Members of a team, who all change with it when it is deleted, in one transaction.
pub const TEAM_MEMBERS: usize = 80;
/// Teams of one member, who leaves them all in one transaction.
pub const TEAMS_OF_ONE: usize = 20;
pub const GOALS: usize = 50;
/// People from outside in one project, and for one client.
pub const PROJECT_GUESTS: usize = 50;
pub const CONTACTS: usize = 20;
/// Teams shown in the chart of an organisation.
pub const COUNTED_TEAMS: usize = 500;
/// Members counted for the chart of an organisation; a larger one says that it was counted in part.
pub const COUNTED_MEMBERS: usize = 2_000;
/// People who are told that somebody waits for one of them.
pub const TOLD: usize = 100;
pub const INVITATION: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How long an invitation is kept after it has expired.
pub const INVITATION_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Invitations an organisation asks for in a day to one address, new ones and again, good and bad …
pub const INVITATIONS_TO_ONE: u32 = 10;
/// … and in an hour to all of them together.
pub const INVITATIONS: u32 = 200;
/// Lists of people to invite that are more than a dry run, in an hour.
pub const IMPORTS: u32 = 20;
/// How long the link for a new password is good.
pub const RESET_LINK: SignedDuration = SignedDuration::from_hours(1);
/// Times somebody may ask to join in an hour, per address they give …
pub const JOINS: u32 = 5;
/// … per address they come from, good codes and bad …
pub const JOINS_PER_ADDRESS: u32 = 50;
/// … and in one organisation.
pub const JOINS_IN_ONE: u32 = 100;
/// New passwords asked for in an hour, per account.
pub const RESETS: u32 = 5;
/// New passwords asked for in an hour, per address: an office shares one.
pub const RESETS_PER_ADDRESS: u32 = 50;
pub const EMAIL_TOKEN: SignedDuration = SignedDuration::from_hours(24);
/// Times an invitation is sent again because somebody asked for it, since somebody who may sent it.
pub const ASKED_AGAIN: u32 = 3;
/// Mails to confirm one's address asked for in an hour.
pub const CONFIRMATIONS: u32 = 5;

/// Letters of a word that tells somebody from others, in a password.
pub const TELLING_WORD: usize = 4;
/// Domains of addresses that an organisation lets in.
pub const EMAIL_DOMAINS: usize = 50;
/// Holidays an organisation keeps.
pub const HOLIDAYS: usize = 400;
/// Days one entry of a calendar of holidays may last.
pub const HOLIDAY_DAYS: i32 = 31;
/// Years for which one that repeats each year is read, from this one.
pub const HOLIDAY_YEARS: i16 = 5;
/// Days of one question about working days: a year, and the day after.
pub const CALENDAR_DAYS: i32 = 366;
/// Days a notification is kept at the most, and when nothing else was decided.
pub const INBOX_DAYS: u16 = 365;
/// Parts of one working day.
pub const SPANS_OF_DAY: usize = 8;
pub const SKILLS: usize = 30;
/// Positions of a member that are remembered, the latest; and those before that somebody notes themselves.
pub const POSITIONS: usize = 50;
pub const EARLIER_POSITIONS: usize = 20;

// Programs
pub const API_KEYS: usize = 100;
/// Names that one line of a notification lists.
pub const NAMES_TOLD: usize = 5;
/// How far away the end of a key may be.
pub const API_KEY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);
/// How long the secret before a new one may still be taken.
pub const API_KEY_GRACE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How exactly it is known when a key was used.
pub const API_KEY_USED: SignedDuration = SignedDuration::from_hours(1);
/// How long an ended key is shown.
pub const API_KEY_SHOWN: SignedDuration = SignedDuration::from_hours(24 * 30);

pub const WEBHOOKS: u32 = 20;
/// Names of events one webhook hears.
pub const WEBHOOK_EVENTS: usize = 50;
/// How long a receiver may take, from the look-up of its name to the end of its answer.
pub const WEBHOOK_PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// Bytes of an answer that are kept.
pub const WEBHOOK_ANSWER: usize = 500;
/// For how long one delivery is tried: a little more than …
pub const WEBHOOK_RETRIED: SignedDuration = SignedDuration::from_secs(24 * 3_600 + 300);
/// … the failures after which a webhook is paused.
pub const WEBHOOK_FAILING: SignedDuration = SignedDuration::from_hours(24);
/// The shortest and the longest rest of a webhook that does not take anything.
pub const WEBHOOK_REST: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(5), SignedDuration::from_hours(1));
/// How long the secret before a new one may still sign.
pub const WEBHOOK_GRACE: SignedDuration = SignedDuration::from_hours(24 * 7);
pub const DELIVERIES_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Attempts of one delivery that are kept.
pub const ATTEMPTS_SHOWN: usize = 20;
/// Deliveries replayed by one request; the answer says how many are left.
pub const REPLAYS: usize = 100;

// The platform
/// Operators, and those invited to be one.
pub const OPERATORS: usize = 50;
/// How long a sign-in of an operator lasts; nothing prolongs it.
pub const OPERATOR_SESSION: SignedDuration = SignedDuration::from_hours(1);
/// How long an organisation that is to be removed can be kept.
pub const REMOVAL_WAIT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How long a removal waits for what is under way: between the closing of the door and the first round, and between two.
pub const REMOVAL_REST: SignedDuration = SignedDuration::from_mins(5);
/// Calls of the table one step of a removal makes, more or less: ten of them are over long before a function has to be.
pub const REMOVAL_CALLS: u32 = 150;
/// Records or files one such call reads.
pub const REMOVAL_PAGE: usize = 100;
/// Tries of the setup token in an hour, per address.
pub const SETUPS: u32 = 10;
/// Months of usage that are shown.
pub const USAGE_MONTHS: usize = 12;
/// Organisations whose usage is summed up; a larger sum says that it is of some.
pub const USAGE_SUMMED: usize = 10_000;
/// Partitions of the index that lists all organisations.
pub const TENANT_SHARDS: u32 = 4;

// Work
pub const ASSIGNEES: usize = 10;
pub const LABELS: usize = 20;
/// When something may be due, up to the year 2200: keys write an instant with thirteen digits.
pub const DATES: Range<Timestamp> = Timestamp::UNIX_EPOCH..Timestamp::constant(7_258_118_400, 0);
pub const ATTACHMENTS: usize = 50;
/// Tasks counted for the figures of one project; a larger one says that it was counted in part.
pub const COUNTED_TASKS: usize = 1_000;

// Files
pub const FILE_BYTES: u64 = 100 * 1024 * 1024;
pub const PICTURE_BYTES: u64 = 8 * 1024 * 1024;
/// Of one side, of both, and what reading them may take: bounds for files that unpack to far more than they are.
pub const PICTURE_SIDE: u32 = 12_000;
pub const PICTURE_PIXELS: u64 = 32_000_000;
pub const PICTURE_MEMORY: u64 = 128 * 1024 * 1024;
/// Less is nothing to look at.
pub const PICTURE_LEAST: u32 = 16;
pub const UPLOAD_FORM: SignedDuration = SignedDuration::from_mins(5);
pub const DOWNLOAD_LINK: SignedDuration = SignedDuration::from_mins(5);

// Conversations
pub const MESSAGE_CHARACTERS: usize = 8_000;
pub const SOCKET_TICKET: SignedDuration = SignedDuration::from_secs(30);
/// A connection younger than this that cannot be reached is taken for one that is being opened.
pub const SOCKET_OPENING: SignedDuration = SignedDuration::from_secs(10);
/// Projects and conversations one connection may watch.
pub const WATCHES: usize = 20;
/// Connections one fan-out posts to at the most, and how many at once.
pub const FAN_OUT: usize = 10_000;
pub const FAN_OUT_AT_ONCE: usize = 64;
/// Connections that are closed when all of an organisation are: nobody keeps one because many are open.
pub const HANG_UP: usize = 200_000;
/// People told at once that somebody came or went.
pub const PRESENCE: usize = 100;

// Money
pub const INVOICE_LINES: usize = 200;
/// In thousandths.
pub const QUANTITY: i64 = 1_000_000_000;
/// Of one unit, in minor units, either way.
pub const UNIT_PRICE: i64 = 1_000_000_000_000;
/// Of one line, in minor units, either way: sums of the most lines, and their tax, stay far from the end of the numbers.
pub const LINE_AMOUNT: i64 = 10_000_000_000_000_000;
/// Days a client has to pay.
pub const TERM_DAYS: u16 = 365;

// Workers
/// How far ahead due timers are put on their queue; SQS delays by 15 minutes at the most.
pub const SWEEP_AHEAD: SignedDuration = SignedDuration::from_secs(120);
/// Timers of one sweep; those left over are found by the next, a minute later.
pub const SWEEP: usize = 5_000;
