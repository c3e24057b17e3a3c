//! A user of hf-hub 1.0, which fetches over Xet:
//!
//!     client-xet snapshot REPO                   prints the folder of the whole repo
//!     client-xet stream REPO FILE OUT [A B]      writes the file, or its bytes from A up to B
//!
//! The endpoint and the cache come from HF_ENDPOINT and HF_HOME.

use futures::StreamExt;
use hf_hub::HFClient;
use std::{env, error::Error, path::PathBuf};
use tokio::{fs::File, io::AsyncWriteExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [verb, repo, rest @ ..] = arguments.as_slice() else {
        return Err("usage: client-xet snapshot|stream REPO ...".into());
    };
    let (owner, name) = repo.split_once('/').ok_or("a repo is OWNER/NAME")?;
    let model = HFClient::new()?.model(owner, name);
    let place: PathBuf = match (*verb, rest) {
        ("snapshot", []) => model.snapshot_download().revision("main").send().await?,
        ("stream", [path, out, range @ ..]) => {
            let range = match range {
                [first, end] => Some(first.parse()?..end.parse()?),
                _ => None,
            };
            let request = model.download_file_stream().filename(*path).revision("main");
            let (_, mut stream) = request.maybe_range(range).send().await?;
            let mut file = File::create(out).await?;
            while let Some(piece) = stream.next().await {
                file.write_all(&piece?).await?;
            }
            file.flush().await?;
            out.into()
        }
        _ => return Err("usage: client-xet snapshot|stream REPO ...".into()),
    };
    println!("{}", place.display());
    Ok(())
}
