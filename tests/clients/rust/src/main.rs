//! A user of the hf-hub crate: `client sync|tokio|chunked KIND REPO REVISION FILE...`
//!
//! Prints one line per file: `ok PATH` or `error WHY`; without files, the names of the repo's
//! files, one `name NAME` per line. The endpoint and the cache come from HF_ENDPOINT and HF_HOME.
//! `chunked` is the tokio client with parallel ranges, which end one byte past the file.

use hf_hub::{api, Repo, RepoType};
use std::{fmt::Display, path::PathBuf};

const CHUNK: usize = 1 << 20;

fn report<E: Display>(result: Result<PathBuf, E>) {
    match result {
        Ok(path) => println!("ok {}", path.display()),
        Err(error) => println!("error {error}"),
    }
}

fn names<E: Display>(result: Result<api::RepoInfo, E>) {
    match result {
        Ok(info) => info.siblings.iter().for_each(|it| println!("name {}", it.rfilename)),
        Err(error) => println!("error {error}"),
    }
}

fn blocking(repo: Repo, files: &[String]) {
    let api = api::sync::ApiBuilder::from_env().with_progress(false).build().expect("a client");
    let repo = api.repo(repo);
    if files.is_empty() {
        names(repo.info());
    }
    files.iter().for_each(|file| report(repo.get(file)));
}

#[tokio::main]
async fn asynchronous(repo: Repo, files: &[String], chunked: bool) {
    let mut builder = api::tokio::ApiBuilder::from_env().with_progress(false);
    if chunked {
        builder = builder.with_max_files(8).with_chunk_size(Some(CHUNK));
    }
    let repo = builder.build().expect("a client").repo(repo);
    if files.is_empty() {
        names(repo.info().await);
    }
    for file in files {
        report(repo.get(file).await);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, kind, id, revision, files @ ..] = arguments.as_slice() else {
        panic!("usage: client sync|tokio|chunked KIND REPO REVISION FILE...");
    };
    let kind = match kind.as_str() {
        "dataset" => RepoType::Dataset,
        "space" => RepoType::Space,
        _ => RepoType::Model,
    };
    let repo = Repo::with_revision(id.clone(), kind, revision.clone());
    match mode.as_str() {
        "sync" => blocking(repo, files),
        "tokio" => asynchronous(repo, files, false),
        _ => asynchronous(repo, files, true),
    }
}
