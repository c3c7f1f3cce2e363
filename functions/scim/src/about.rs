use backend::{
    door::Can,
    problem::Problem,
    web::{Answer, Path},
};
use domain::{
    Error, limits,
    policy::ProvisionMembers,
    scim::{BASE, ENTERPRISE_USER, GROUP, Resource, USER, list},
};
use http::StatusCode;
use serde_json::{Value, json};

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What of the standard is served.
#[utoipa::path(get, path = "/scim/v2/ServiceProviderConfig", operation_id = "scim_service_provider_config", tag = "scim", responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn service_provider_config(_: Can<ProvisionMembers>) -> Result<Answer, Problem> {
    let config = json!({
        "schemas": [CONFIG],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": limits::SCIM_PAGE },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "API key", "description": "A key with the permission to provision members", "primary": true
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{BASE}/ServiceProviderConfig") },
    });
    Ok(Answer::scim(StatusCode::OK, &config)?)
}

fn kind(kind: Resource) -> Value {
    let (name, schema) = match kind {
        Resource::User => ("User", USER),
        Resource::Group => ("Group", GROUP),
    };
    let extensions = match kind {
        Resource::User => json!([{ "schema": ENTERPRISE_USER, "required": false }]),
        Resource::Group => json!([]),
    };
    json!({
        "schemas": [TYPE], "id": name, "name": name, "endpoint": format!("/{name}s"), "schema": schema, "schemaExtensions": extensions,
        "meta": { "resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/{name}") },
    })
}

/// The kinds of resource.
#[utoipa::path(get, path = "/scim/v2/ResourceTypes", operation_id = "scim_resource_types", tag = "scim", responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn resource_types(_: Can<ProvisionMembers>) -> Result<Answer, Problem> {
    Ok(Answer::scim(StatusCode::OK, &list(vec![kind(Resource::User), kind(Resource::Group)], 2, 1))?)
}

/// One kind of resource.
#[utoipa::path(get, path = "/scim/v2/ResourceTypes/{kind}", operation_id = "scim_resource_type", tag = "scim", params(("kind" = String, Path)), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn resource_type(_: Can<ProvisionMembers>, Path(name): Path<String>) -> Result<Answer, Problem> {
    let found = match name.as_str() {
        "User" => kind(Resource::User),
        "Group" => kind(Resource::Group),
        _ => return Err(Error::NotFound("resource type").into()),
    };
    Ok(Answer::scim(StatusCode::OK, &found)?)
}

/// An attribute of one value, unless more is said.
fn attribute(name: &str, more: Value) -> Value {
    let mut attribute = json!({
        "name": name, "type": "string", "multiValued": false, "required": false, "caseExact": false, "mutability": "readWrite",
        "returned": "default", "uniqueness": "none",
    });
    if let (Some(attribute), Value::Object(more)) = (attribute.as_object_mut(), more) {
        attribute.extend(more);
    }
    attribute
}

fn user() -> Value {
    let plain = |name: &str| attribute(name, json!({}));
    let read = |name: &str| attribute(name, json!({ "mutability": "readOnly" }));
    json!({
        "schemas": [SCHEMA], "id": USER, "name": "User", "description": "A member of the organisation",
        "attributes": [
            attribute("userName", json!({ "required": true, "uniqueness": "global", "mutability": "immutable", "description": "The address" })),
            attribute("externalId", json!({ "caseExact": true, "uniqueness": "server" })),
            plain("displayName"),
            attribute("name", json!({ "type": "complex", "subAttributes": [plain("formatted"), plain("givenName"), plain("familyName")] })),
            plain("title"),
            attribute("active", json!({ "type": "boolean" })),
            attribute("emails", json!({
                "type": "complex", "multiValued": true, "mutability": "readOnly",
                "subAttributes": [read("value"), read("type"), attribute("primary", json!({ "type": "boolean", "mutability": "readOnly" }))]
            })),
            attribute("groups", json!({
                "type": "complex", "multiValued": true, "mutability": "readOnly",
                "subAttributes": [read("value"), attribute("$ref", json!({ "type": "reference", "referenceTypes": ["Group"], "mutability": "readOnly" })), read("display"), read("type")]
            })),
        ],
        "meta": { "resourceType": "Schema", "location": format!("{BASE}/Schemas/{USER}") },
    })
}

fn enterprise_user() -> Value {
    json!({
        "schemas": [SCHEMA], "id": ENTERPRISE_USER, "name": "EnterpriseUser", "description": "Where a member belongs",
        "attributes": [attribute("department", json!({ "description": "The name of a department; another name is kept and means nothing" }))],
        "meta": { "resourceType": "Schema", "location": format!("{BASE}/Schemas/{ENTERPRISE_USER}") },
    })
}

fn group() -> Value {
    json!({
        "schemas": [SCHEMA], "id": GROUP, "name": "Group", "description": "A group of members; what it may is decided in the organisation",
        "attributes": [
            attribute("displayName", json!({ "required": true, "uniqueness": "server" })),
            attribute("externalId", json!({ "caseExact": true, "uniqueness": "server" })),
            attribute("members", json!({
                "type": "complex", "multiValued": true,
                "subAttributes": [
                    attribute("value", json!({ "mutability": "immutable", "caseExact": true })),
                    attribute("$ref", json!({ "type": "reference", "referenceTypes": ["User"], "mutability": "readOnly" })),
                    attribute("type", json!({ "mutability": "readOnly", "canonicalValues": ["User"] })),
                ]
            })),
        ],
        "meta": { "resourceType": "Schema", "location": format!("{BASE}/Schemas/{GROUP}") },
    })
}

/// The attributes of users and groups.
#[utoipa::path(get, path = "/scim/v2/Schemas", operation_id = "scim_schemas", tag = "scim", responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn schemas(_: Can<ProvisionMembers>) -> Result<Answer, Problem> {
    Ok(Answer::scim(StatusCode::OK, &list(vec![user(), enterprise_user(), group()], 3, 1))?)
}

/// The attributes of one kind of resource.
#[utoipa::path(get, path = "/scim/v2/Schemas/{schema}", operation_id = "scim_schema", tag = "scim", params(("schema" = String, Path)), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn schema(_: Can<ProvisionMembers>, Path(name): Path<String>) -> Result<Answer, Problem> {
    let found = match name.as_str() {
        USER => user(),
        ENTERPRISE_USER => enterprise_user(),
        GROUP => group(),
        _ => return Err(Error::NotFound("schema").into()),
    };
    Ok(Answer::scim(StatusCode::OK, &found)?)
}
