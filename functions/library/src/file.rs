use backend::{
    blobs::{Download, UploadForm},
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::{Problem, ProblemDocument},
    web::{Answer, Body, List, Path},
};
use domain::{
    Error,
    commit::Kept,
    file::{File, FileDraft, FileState},
    id::{FileId, TaskId},
    limits,
    policy::{ReadFiles, UploadFiles},
    usage::Storage,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FileFilter {
    /// The task the files are attached to.
    task: TaskId,
}

/// Files attached to a task.
#[utoipa::path(get, path = "/api/v1/files", operation_id = "list_files", tag = "files", params(FileFilter, PageQuery), responses((status = 200, body = Page<File>), (status = 404, description = "There is no such task", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(can: Can<ReadFiles>, List { filter, paging }: List<FileFilter>) -> Result<Answer, Problem> {
    can.find(keys::task(can.tenant(), &filter.task), "task").await?;
    let stored = can.list_where(keys::files_of(can.tenant(), &filter.task), &paging, false, |file: &File| file.state == FileState::Stored);
    Ok(Answer::ok(&stored.await?)?)
}

/// A file that was announced, and the form to upload it with.
#[derive(Serialize, ToSchema)]
pub struct Announced {
    file: File,
    upload: UploadForm,
}

/// Announce a file and get a form to upload it with.
///
/// Post the form to its `url` as `multipart/form-data` with all its fields and then the field `file`, within five minutes.
/// The store takes exactly the announced type and size. Then call `complete`.
#[utoipa::path(post, path = "/api/v1/files", operation_id = "announce_file", tag = "files", request_body = FileDraft, responses((status = 201, body = Announced)))]
pub async fn announce(can: Can<UploadFiles>, Body(draft): Body<FileDraft>) -> Result<Answer, Problem> {
    let mut project = None;
    if let Some(task) = &draft.task {
        let (found, files) =
            tokio::try_join!(can.get(keys::task(can.tenant(), task)), can.latest(keys::files_of(can.tenant(), task), limits::PAGE_MOST))?;
        let task = found.ok_or_else(|| Error::invalid("/task", "is not a task of this organisation"))?;
        project = Some(task.project);
        // A form that was given out and never used takes no place for longer than it is good
        let counts = |file: &&File| file.state == FileState::Stored || can.now() < file.created_at + limits::UPLOAD_FORM;
        if files.iter().filter(counts).count() >= limits::ATTACHMENTS {
            return Err(Error::Conflict(format!("a task has {} files at the most", limits::ATTACHMENTS)).into());
        }
    }
    let quota = &can.access().quota;
    if quota.storage_bytes.is_some() {
        // As far as can be known now; what is kept in the end is counted exactly
        can.get(keys::storage(can.tenant())).await?.unwrap_or_default().check_room(draft.bytes, quota)?;
    }
    let id = FileId::new(can.now(), can.random());
    let (file, commit) = File::new(id, draft, project, can.user(), can.now())?;
    let upload = can.upload_form(&file)?;
    let answer = Answer::json(StatusCode::CREATED, &Announced { file, upload })?;
    Ok(can.answer(commit, answer).await?)
}

/// One file.
#[utoipa::path(get, path = "/api/v1/files/{file}", operation_id = "get_file", tag = "files", params(("file" = FileId, Path)), responses((status = 200, body = File)))]
pub async fn get(can: Can<ReadFiles>, Path(id): Path<FileId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::file(can.tenant(), &id), "file").await?)?)
}

/// Say that the upload is done; the content is checked to be what was announced.
#[utoipa::path(post, path = "/api/v1/files/{file}/complete", operation_id = "complete_file", tag = "files", params(("file" = FileId, Path)), responses((status = 200, body = File)))]
pub async fn complete(can: Can<UploadFiles>, Path(id): Path<FileId>) -> Result<Answer, Problem> {
    let file: File = can.find(keys::file(can.tenant(), &id), "file").await?;
    if file.state == FileState::Stored {
        return Ok(Answer::record(&file)?);
    }
    let upload = can.inspect(&file).await?.ok_or_else(|| Error::Conflict("nothing was uploaded yet".to_owned()))?;
    if upload.bytes != file.bytes {
        return Err(Error::Conflict(format!("{} bytes were uploaded; {} were announced", upload.bytes, file.bytes)).into());
    }
    file.check_content(&upload.head)?;
    let mut storage: Storage = can.get(keys::storage(can.tenant())).await?.unwrap_or_default();
    storage.check_room(file.bytes, &can.access().quota)?;
    if !can.keep(&file, &upload).await? {
        return Err(Error::Conflict("the file was uploaded again at this moment; try again".to_owned()).into());
    }
    for tries in 0..limits::RACE_TRIES {
        storage.check_room(file.bytes, &can.access().quota)?;
        let (stored, commit) = file.clone().stored(&storage);
        match can.commit(commit).await {
            // Completed at the same moment by another tab
            Err(Error::Stale { kind: File::KIND, .. }) => {
                return Ok(Answer::record(&can.find(keys::file(can.tenant(), &id), "file").await?)?);
            }
            // Another file was counted at the same moment
            Err(Error::Stale { .. } | Error::Conflict(_)) => can.step_aside(tries).await,
            other => {
                other?;
                return Ok(Answer::record(&stored)?);
            }
        }
        storage = can.get(keys::storage(can.tenant())).await?.unwrap_or_default();
    }
    Err(Error::Busy("files keep being counted".into()).into())
}

/// Get a link to a file's content, good for five minutes.
#[utoipa::path(get, path = "/api/v1/files/{file}/download", operation_id = "download_file", tag = "files", params(("file" = FileId, Path)), responses((status = 200, body = Download), (status = 409, description = "Not uploaded yet", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn download(can: Can<ReadFiles>, Path(id): Path<FileId>) -> Result<Answer, Problem> {
    let file: File = can.find(keys::file(can.tenant(), &id), "file").await?;
    if file.state != FileState::Stored {
        return Err(Error::Conflict("the file is not uploaded yet".to_owned()).into());
    }
    Ok(Answer::ok(&can.download(&file).await?)?)
}
