//! Files in S3: they go straight between the client and the store, and no byte of them through a function.

use crate::{Backend, door::Can, keys::Tenant, room::Room, system::System, web::Elsewhere};
use aws_sdk_s3::{error::ProvideErrorMetadata, presigning::PresigningConfig};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Error, Result, Timestamp,
    billing::Invoice,
    file::{File, HEAD_BYTES},
    id::{PictureId, UserId},
    limits,
    picture::{Picture, PictureSize},
    policy::{ChangePicture, ReadBilling, ReadFiles, SeePictures, UploadFiles},
    removal::Cleared,
};
use futures_util::future::try_join_all;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Where a blob is: under its organisation, by the id of what it belongs to.
fn file_key(tenant: &Tenant, file: &File) -> String {
    format!("{}/files/{}", tenant.id(), file.id)
}

/// Where a form uploads to. The form stays good for minutes, so what was checked is kept where no form reaches.
fn upload_key(tenant: &Tenant, id: impl std::fmt::Display) -> String {
    format!("{}/uploads/{id}", tenant.id())
}

fn invoice_key(tenant: &Tenant, invoice: &Invoice) -> String {
    format!("{}/invoices/{}.pdf", tenant.id(), invoice.id)
}

/// A person's picture is theirs in every organisation, and stands outside all of them.
fn picture_key(tenant: &Tenant, owner: Option<&UserId>, id: &PictureId, size: PictureSize) -> String {
    match owner {
        Some(person) => format!("people/{person}/pictures/{id}/{}", size.pixels()),
        None => format!("{}/pictures/{id}/{}", tenant.id(), size.pixels()),
    }
}

/// A form to post a file with, as a browser or any client of multipart forms does. The field `file` comes last.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadForm {
    pub url: String,
    pub fields: BTreeMap<String, String>,
    pub ends_at: Timestamp,
}

/// What came in by a form.
pub struct Upload {
    pub bytes: u64,
    pub head: Vec<u8>,
    etag: String,
}

/// A link that gives the content to whoever has it, for a few minutes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Download {
    pub url: String,
    pub ends_at: Timestamp,
}

impl Room {
    /// Pins key, type and exact size by signature; the store refuses anything else.
    fn form(&self, key: String, media_type: &str, bytes: u64) -> Result<UploadForm> {
        let settings = &self.inner.settings;
        let now = self.now;
        let ends_at = now + limits::UPLOAD_FORM;
        let stamp = now.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &stamp[..8];
        let region = settings.region();
        let credentials = &self.store.credentials;
        let credential = format!("{}/{day}/{region}/s3/aws4_request", credentials.access_key_id());
        let bucket = settings.get("BUCKET");
        let mut fields = BTreeMap::from([
            ("key".to_owned(), key),
            ("Content-Type".to_owned(), media_type.to_owned()),
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential".to_owned(), credential),
            ("x-amz-date".to_owned(), stamp.clone()),
        ]);
        if let Some(token) = credentials.session_token() {
            fields.insert("x-amz-security-token".to_owned(), token.to_owned());
        }
        let mut conditions: Vec<_> = fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])).collect();
        conditions.push(json!({ "bucket": bucket }));
        conditions.push(json!(["content-length-range", bytes, bytes]));
        let expiration = ends_at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let policy = STANDARD.encode(json!({ "expiration": expiration, "conditions": conditions }).to_string());
        // The SDK presigns no form (aws-sdk-rust issue 863); this is Signature Version 4 over the policy
        let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let secret = format!("AWS4{}", credentials.secret_access_key());
        let key = [day, region, "s3", "aws4_request"].iter().fold(secret.into_bytes(), |key, part| sign(&key, part).as_ref().to_vec());
        let signature = sign(&key, &policy).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        fields.insert("policy".to_owned(), policy);
        fields.insert("x-amz-signature".to_owned(), signature);
        let url = match settings.endpoint("S3") {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com/"),
        };
        Ok(UploadForm { url, fields, ends_at })
    }

    /// What was uploaded, by its size and first bytes; `None` while nothing was.
    async fn inspect(&self, key: String) -> Result<Option<Upload>> {
        let request = self.s3().get_object().bucket(self.inner.settings.get("BUCKET")).key(key);
        let answer = match request.range(format!("bytes=0-{}", HEAD_BYTES - 1)).send().await {
            Ok(answer) => answer,
            // To somebody who may not list a bucket, S3 says of what is missing that it is forbidden
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => return Ok(None),
            Err(error) => return Err(crate::table::failed(error)),
        };
        let size = answer.content_range().and_then(|range| range.rsplit('/').next()).and_then(|size| size.parse().ok());
        let size = size.unwrap_or_else(|| answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default());
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let head = answer.body.collect().await.map_err(Error::internal)?.into_bytes();
        Ok(Some(Upload { bytes: size, head: head.to_vec(), etag }))
    }
}

impl Can<UploadFiles> {
    pub fn upload_form(&self, file: &File) -> Result<UploadForm> {
        self.room.form(upload_key(self.tenant(), &file.id), &file.media_type, file.bytes)
    }

    pub async fn inspect(&self, file: &File) -> Result<Option<Upload>> {
        self.room.inspect(upload_key(self.tenant(), &file.id)).await
    }

    /// Keeps exactly the upload that was inspected; `false` when another was uploaded in between.
    pub async fn keep(&self, file: &File, upload: &Upload) -> Result<bool> {
        let inner = &self.room.inner;
        let bucket = inner.settings.get("BUCKET");
        let source = format!("{bucket}/{}", upload_key(self.tenant(), &file.id));
        let request = self.room.s3().copy_object().bucket(bucket).key(file_key(self.tenant(), file)).copy_source(source);
        match request.copy_source_if_match(&upload.etag).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().and_then(|error| error.code()) == Some("PreconditionFailed") => Ok(false),
            Err(error) => Err(crate::table::failed(error)),
        }
    }
}

impl Room {
    fn s3(&self) -> &aws_sdk_s3::Client {
        self.store.s3(&self.inner.settings)
    }
}

async fn download(room: &Room, key: String, name: &str, media_type: &str) -> Result<Download> {
    let lifetime = PresigningConfig::expires_in(limits::DOWNLOAD_LINK.unsigned_abs()).map_err(Error::internal)?;
    let plain: String = name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' { c } else { '_' }).collect();
    let request = room
        .s3()
        .get_object()
        .bucket(room.inner.settings.get("BUCKET"))
        .key(key)
        .response_content_disposition(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(name)))
        .response_content_type(media_type)
        .presigned(lifetime)
        .await
        .map_err(crate::table::failed)?;
    Ok(Download { url: request.uri().to_owned(), ends_at: room.now + limits::DOWNLOAD_LINK })
}

/// A name in any script, as RFC 8187 writes it.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}

impl Can<ChangePicture> {
    pub fn picture_form(&self, picture: &Picture) -> Result<UploadForm> {
        self.room.form(upload_key(self.tenant(), &picture.id), &picture.media_type, picture.bytes)
    }

    pub async fn inspect_picture(&self, picture: &Picture) -> Result<Option<Upload>> {
        self.room.inspect(upload_key(self.tenant(), &picture.id)).await
    }
}

impl Can<SeePictures> {
    /// Where a picture is that the caller was found to be shown.
    pub async fn see(&self, owner: Option<&UserId>, id: &PictureId, size: PictureSize) -> Result<Elsewhere> {
        let (inner, lifetime) = (&self.room.inner, limits::DOWNLOAD_LINK);
        let request = inner.own.s3(&inner.settings).get_object().bucket(inner.settings.get("BUCKET"));
        let request = request.key(picture_key(self.tenant(), owner, id, size)).response_content_disposition("inline");
        let good_for = PresigningConfig::expires_in(lifetime.unsigned_abs()).map_err(Error::internal)?;
        let signed = request.presigned(good_for).await.map_err(crate::table::failed)?;
        // Whoever keeps the answer follows it while the link is good
        Ok(Elsewhere { url: signed.uri().to_owned(), seconds: lifetime.as_secs() - 60 })
    }
}

impl Can<ReadFiles> {
    pub async fn download(&self, file: &File) -> Result<Download> {
        download(&self.room, file_key(self.tenant(), file), file.name.as_str(), &file.media_type).await
    }
}

impl Can<ReadBilling> {
    pub async fn download_invoice(&self, invoice: &Invoice) -> Result<Download> {
        let name = format!("Invoice {}.pdf", invoice.number.as_deref().unwrap_or("draft"));
        download(&self.room, invoice_key(self.tenant(), invoice), &name, "application/pdf").await
    }
}

impl System {
    /// What was uploaded, if it is no larger than it was announced.
    pub async fn uploaded(&self, picture: &Picture) -> Result<Option<Vec<u8>>> {
        let request = self.room.s3().get_object().bucket(self.bucket()).key(upload_key(self.tenant(), &picture.id));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => return Ok(None),
            Err(error) => return Err(crate::table::failed(error)),
        };
        if answer.content_length().and_then(|bytes| u64::try_from(bytes).ok()) != Some(picture.bytes) {
            return Ok(None);
        }
        Ok(Some(answer.body.collect().await.map_err(Error::internal)?.into_bytes().to_vec()))
    }

    pub async fn keep_square(&self, picture: &Picture, size: PictureSize, bytes: Vec<u8>, media_type: &str) -> Result<()> {
        let key = picture_key(self.tenant(), picture.owner(), &picture.id, size);
        let request = self.room.s3().put_object().bucket(self.bucket()).key(key).content_type(media_type);
        request.cache_control("private, max-age=86400").body(bytes.into()).send().await.map_err(crate::table::failed)?;
        Ok(())
    }

    /// Removes what an upload left; removing it again changes nothing.
    pub async fn drop_upload(&self, picture: &Picture) -> Result<()> {
        self.drop_blob(upload_key(self.tenant(), &picture.id)).await
    }

    /// Removes a picture that is shown no more.
    pub async fn drop_picture(&self, owner: Option<&UserId>, id: &PictureId) -> Result<()> {
        for size in PictureSize::ALL {
            self.drop_blob(picture_key(self.tenant(), owner, id, size)).await?;
        }
        Ok(())
    }

    /// Removes some of the files of the organisation, and says whether those were all. Old versions go as the bucket says.
    pub(crate) async fn clear_files(&self) -> Result<Cleared> {
        let most = i32::try_from(limits::REMOVAL_PAGE).map_err(Error::internal)?;
        let request = self.room.s3().list_objects_v2().bucket(self.bucket()).prefix(format!("{}/", self.tenant().id())).max_keys(most);
        let found = request.send().await.map_err(crate::table::failed)?;
        let keys: Vec<_> = found.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
        let removed = keys.len() as u64;
        try_join_all(keys.into_iter().map(|key| self.drop_blob(key))).await?;
        Ok(Cleared { removed, done: removed == 0 })
    }

    async fn drop_blob(&self, key: String) -> Result<()> {
        self.room.s3().delete_object().bucket(self.bucket()).key(key).send().await.map_err(crate::table::failed)?;
        Ok(())
    }

    fn bucket(&self) -> &str {
        self.room.inner.settings.get("BUCKET")
    }

    /// Keeps the PDF of an invoice; keeping the same again changes nothing.
    pub async fn keep_invoice(&self, invoice: &Invoice, pdf: Vec<u8>) -> Result<()> {
        let inner = &self.room.inner;
        let request = self.room.s3().put_object().bucket(inner.settings.get("BUCKET")).key(invoice_key(self.tenant(), invoice));
        request.content_type("application/pdf").body(pdf.into()).send().await.map_err(crate::table::failed)?;
        Ok(())
    }
}

impl Backend {
    pub fn sha256(bytes: &[u8]) -> String {
        crate::secrets::sha256(bytes)
    }
}
