//! A folder served as an origin: content types, validators, ranges, directory indexes, and no way out of the folder.
//!
//! hyper-staticfile resolves and answers; this file keeps symbolic links inside the root, answers `If-None-Match`, and
//! shows the site's own `404.html` where it has one.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper_staticfile::vfs::{FileOpener, FileWithMetadata};
use hyper_staticfile::{AcceptEncoding, ResolveResult, Resolver, ResponseBuilder};
use tokio::fs::File;

use super::failure::OriginFailure;
use super::metrics::OriginMetrics;
use crate::body::Body;
use crate::config;
use crate::semantics::none_match_names;

pub(super) struct StaticSite {
    label: Arc<str>,
    resolver: Resolver<Inside>,
    metrics: OriginMetrics,
}

impl StaticSite {
    pub(super) fn new(config: &config::StaticSite, metrics: OriginMetrics) -> Self {
        let root = config.root.canonicalize().unwrap_or_else(|_| config.root.clone());
        Self {
            label: config.root.display().to_string().into(),
            resolver: Resolver::with_opener(Inside { root }),
            metrics,
        }
    }

    /// Reads the file that the request's path names.
    pub(super) async fn fetch(&self, request: Request<Body>) -> Result<Response<Body>, OriginFailure> {
        let answer = self
            .answer(&request.map(drop))
            .await
            .map_err(|error| OriginFailure::File { server: self.label.clone(), cause: error.to_string() });
        match &answer {
            Ok(response) => self.metrics.count(response.status().as_str()),
            Err(failure) => self.metrics.count(failure.word()),
        }
        answer
    }

    async fn answer(&self, request: &Request<()>) -> Result<Response<Body>, Error> {
        let resolved = self.resolver.resolve_path(request.uri().path(), AcceptEncoding::none()).await?;
        let response = match resolved {
            _ if !matches!(*request.method(), Method::GET | Method::HEAD) => not_allowed(),
            ResolveResult::NotFound => self.not_found(request.method()).await?,
            ResolveResult::IsDirectory { .. } => to_directory(request),
            found => {
                let mut conditions = request.headers().clone();
                if conditions.contains_key(header::IF_NONE_MATCH) {
                    // The entity tag decides alone (RFC 9110 section 13.2.2).
                    conditions.remove(header::IF_MODIFIED_SINCE);
                }
                let built =
                    ResponseBuilder::new().request_parts(request.method(), request.uri(), &conditions).build(found);
                of_file(request.method(), built.map_err(Error::other)?)
            }
        };
        Ok(if unchanged(request.headers(), response.headers()) { not_modified(response) } else { response })
    }

    async fn not_found(&self, method: &Method) -> Result<Response<Body>, Error> {
        let page = self.resolver.resolve_path("/404.html", AcceptEncoding::none()).await?;
        let mut response = match page {
            page @ ResolveResult::Found(_) => {
                let uri = http::Uri::from_static("/404.html");
                let built = ResponseBuilder::new().request_parts(method, &uri, &HeaderMap::new()).build(page);
                of_file(method, built.map_err(Error::other)?)
            }
            _ => plain("Not found\n"),
        };
        *response.status_mut() = StatusCode::NOT_FOUND;
        for validator in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES] {
            response.headers_mut().remove(validator);
        }
        Ok(response)
    }
}

fn plain(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes::Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn not_allowed() -> Response<Body> {
    let mut response = plain("Only GET and HEAD are answered here\n");
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// `/a` to `/a/`. One leading slash only, because `//name` would be another host.
fn to_directory(request: &Request<()>) -> Response<Body> {
    let mut location = format!("/{}/", request.uri().path().trim_matches('/'));
    if let Some(query) = request.uri().query() {
        location.push('?');
        location.push_str(query);
    }
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The body of a file is as long as its head says, or breaks off where the file shrinks meanwhile.
fn of_file(method: &Method, response: Response<hyper_staticfile::Body>) -> Response<Body> {
    let whole = *method == Method::GET && response.status().is_success();
    let length = response.headers().get(header::CONTENT_LENGTH).filter(|_| whole);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    response.map(Body::stream).map(|body| match length {
        Some(length) => body.measured(length),
        None => body,
    })
}

/// Does `If-None-Match` name the response's entity tag? A response without one, such as a 404, is never unchanged.
fn unchanged(request: &HeaderMap, response: &HeaderMap) -> bool {
    response.contains_key(header::ETAG) && none_match_names(request, response)
}

fn not_modified(response: Response<Body>) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_RANGE] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::Empty)
}

/// Opens regular files and folders below one root, wherever symbolic links may point.
struct Inside {
    root: PathBuf,
}

type Opening = Pin<Box<dyn Future<Output = Result<FileWithMetadata<File>, Error>> + Send>>;

impl FileOpener for Inside {
    type File = File;
    type Future = Opening;

    fn open(&self, path: &Path) -> Opening {
        let (root, path) = (self.root.clone(), path.to_owned());
        Box::pin(
            async move { tokio::task::spawn_blocking(move || open_inside(&root, &path)).await.map_err(Error::other)? },
        )
    }
}

fn open_inside(root: &Path, path: &Path) -> Result<FileWithMetadata<File>, Error> {
    let mut whole = root.to_owned();
    whole.extend(path);
    let real = whole.canonicalize().map_err(as_absent)?;
    let metadata = real.metadata().map_err(as_absent)?;
    // A pipe would block for ever, a device never ends.
    if !real.starts_with(root) || !(metadata.is_file() || metadata.is_dir()) {
        return Err(Error::from(ErrorKind::NotFound));
    }
    let handle = std::fs::File::open(&real)?;
    Ok(FileWithMetadata {
        size: metadata.len(),
        modified: metadata.modified().ok(),
        is_dir: metadata.is_dir(),
        handle: File::from_std(handle),
    })
}

const ENAMETOOLONG: i32 = 36;
const ELOOP: i32 = 40;

/// A path through a file, one that is too long or one with a NUL names nothing.
fn as_absent(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::InvalidInput => Error::from(ErrorKind::NotFound),
        _ if matches!(error.raw_os_error(), Some(ENAMETOOLONG | ELOOP)) => Error::from(ErrorKind::NotFound),
        _ => error,
    }
}
