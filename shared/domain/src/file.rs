//! A file: asked for, uploaded straight to the store, checked, and then there.

use crate::{Error, Result, Timestamp, commit::Commit, id::*, limits, tenant::Quota, text::*, usage::Storage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// A form was given out; nothing has been seen of the file yet.
    Awaited,
    Stored,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct File {
    pub id: FileId,
    pub name: FileName,
    #[schema(example = "application/pdf")]
    pub media_type: String,
    pub bytes: u64,
    pub state: FileState,
    pub task: Option<TaskId>,
    /// That of the task.
    pub project: Option<ProjectId>,
    pub uploaded_by: UserId,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDraft {
    pub name: FileName,
    #[schema(example = "application/pdf")]
    pub media_type: String,
    /// Exact size; the store refuses an upload of any other.
    #[schema(minimum = 1, maximum = 104_857_600, example = 48_213)]
    pub bytes: u64,
    /// The task it is attached to.
    pub task: Option<TaskId>,
}

/// Types taken, with the first bytes by which their content is known; without any, it must be text.
const TYPES: &[(&str, &[&[u8]])] = &[
    ("application/json", &[]),
    ("application/pdf", &[b"%PDF-"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &[b"PK\x03\x04"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &[b"PK\x03\x04"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &[b"PK\x03\x04"]),
    ("application/vnd.oasis.opendocument.presentation", &[b"PK\x03\x04"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &[b"PK\x03\x04"]),
    ("application/vnd.oasis.opendocument.text", &[b"PK\x03\x04"]),
    ("application/zip", &[b"PK\x03\x04", b"PK\x05\x06"]),
    ("audio/mpeg", &[b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"]),
    ("audio/ogg", &[b"OggS"]),
    ("image/gif", &[b"GIF87a", b"GIF89a"]),
    ("image/jpeg", &[b"\xff\xd8\xff"]),
    ("image/png", &[b"\x89PNG\r\n\x1a\n"]),
    ("image/webp", &[b"RIFF"]),
    ("text/csv", &[]),
    ("text/markdown", &[]),
    ("text/plain", &[]),
    ("video/mp4", &[b"\0\0\0"]),
    ("video/webm", &[b"\x1a\x45\xdf\xa3"]),
];

/// How many first bytes [`File::check_content`] needs.
pub const HEAD_BYTES: usize = 512;

impl File {
    pub fn new(id: FileId, draft: FileDraft, project: Option<ProjectId>, by: &UserId, now: Timestamp) -> Result<(Self, Commit)> {
        if !TYPES.iter().any(|(name, _)| *name == draft.media_type) {
            let taken: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
            return Err(Error::invalid("/media_type", format!("is not taken; these are: {}", taken.join(", "))));
        }
        if !(1..=limits::FILE_BYTES).contains(&draft.bytes) {
            return Err(Error::invalid("/bytes", format!("is not between 1 and {}", limits::FILE_BYTES)));
        }
        let file = Self {
            id,
            name: draft.name,
            media_type: draft.media_type,
            bytes: draft.bytes,
            state: FileState::Awaited,
            task: draft.task,
            project,
            uploaded_by: by.clone(),
            created_at: now,
            version: 1,
        };
        Ok((file.clone(), Commit::create("file.announced", file)))
    }

    /// Refuses content that is not of the type it was announced as.
    pub fn check_content(&self, head: &[u8]) -> Result<()> {
        if begins_as(&self.media_type, head) {
            Ok(())
        } else {
            Err(Error::Conflict(format!("the content is not {}; announce the file again with its true type", self.media_type)))
        }
    }

    /// It is kept, and counted in the same transaction.
    pub fn stored(self, storage: &Storage) -> (Self, Commit) {
        let after = Self { state: FileState::Stored, version: self.version + 1, ..self.clone() };
        let counted = Storage { files: storage.files + 1, bytes: storage.bytes + self.bytes, version: storage.version + 1 };
        let commit = Commit::replace("file.stored", self, after.clone());
        (after, if storage.version == 0 { commit.also_create(counted) } else { commit.also_replace(storage.version, counted) })
    }
}

impl Storage {
    /// Whether there is room for so many bytes more.
    pub fn check_room(&self, bytes: u64, quota: &Quota) -> Result<()> {
        match quota.storage_bytes {
            Some(most) if self.bytes + bytes > most => Err(Error::QuotaExceeded(format!(
                "the organisation keeps {} bytes of files, and {most} at the most; there is no room for {bytes} more",
                self.bytes
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether content that begins so can be of this type.
pub(crate) fn begins_as(media_type: &str, head: &[u8]) -> bool {
    let signatures = TYPES.iter().find(|(name, _)| *name == media_type).map_or(&[][..], |(_, signatures)| signatures);
    match signatures {
        [] => is_text(head),
        _ => signatures.iter().any(|signature| head.starts_with(signature)),
    }
}

/// Text has no zero byte, and is no script or program by its first line.
fn is_text(head: &[u8]) -> bool {
    // A character may be cut at the end of what was read
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    };
    valid && !head.contains(&0) && !head.starts_with(b"#!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_must_be_what_it_was_announced_as() {
        let now = Timestamp::UNIX_EPOCH;
        let file = |media_type: &str| {
            let draft = FileDraft { name: "x".parse().unwrap(), media_type: media_type.into(), bytes: 10, task: None };
            File::new(FileId::new(now, 1), draft, None, &UserId::new(now, 2), now).unwrap().0
        };
        for (media_type, head, fine) in [
            ("application/pdf", &b"%PDF-1.7"[..], true),
            ("application/pdf", b"MZ\x90\0", false),
            ("image/png", b"\x89PNG\r\n\x1a\n\0\0", true),
            ("image/png", b"<svg onload=", false),
            ("text/plain", "grün".as_bytes(), true),
            ("text/plain", b"\x7fELF\x02\0", false),
            ("text/plain", b"#!/bin/sh", false),
        ] {
            assert_eq!(file(media_type).check_content(head).is_ok(), fine, "{media_type} {head:?}");
        }
    }
}
