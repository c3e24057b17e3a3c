// A user of @huggingface/hub: does the jobs it reads as JSON and writes what came of each.
//
// Its argument is how many jobs may run at once.
// Input: a list of {"hubUrl": URL, "call": "file" | "list" | "snapshot" | "exists", "repo": ...}.
// Output, on the last line: a list of the same length; an exception becomes its status and message.
// The library takes no environment variable: the endpoint is handed to every call.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";

import { downloadFile, fileExists, listFiles, snapshotDownload } from "@huggingface/hub";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

const calls = {
  async file(job) {
    const blob = await downloadFile(job);
    if (blob === null) return { missing: true };
    return { size: blob.size, sha256: digest(Buffer.from(await blob.arrayBuffer())) };
  },

  // A slice becomes a Range request: browsers read safetensors headers like this.
  async slice({ start, stop, ...job }) {
    const blob = (await downloadFile(job)).slice(start, stop);
    return { size: blob.size, sha256: digest(Buffer.from(await blob.arrayBuffer())) };
  },

  async list(job) {
    const entries = [];
    for await (const entry of listFiles(job)) entries.push(entry);
    return { names: entries.map((it) => it.path).sort(), xet: entries.some((it) => it.xetHash) };
  },

  async exists(job) {
    return { exists: await fileExists(job) };
  },

  async snapshot(job) {
    const top = await snapshotDownload(job);
    const files = {};
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      files[relative(top, path)] = digest(await readFile(path));
    }
    return { files };
  },
};

async function run({ call, ...job }) {
  try {
    return await calls[call](job);
  } catch (error) {
    return { error: error.message, status: error.statusCode };
  }
}

// The library reports progress with console.debug, which Node writes to standard output.
console.debug = () => {};
const jobs = JSON.parse(await text(process.stdin));
const results = [];
let next = 0;
async function worker() {
  while (next < jobs.length) {
    const at = next++;
    results[at] = await run(jobs[at]);
  }
}
await Promise.all(Array.from({ length: Number(process.argv[2]) }, worker));
console.log(JSON.stringify(results));
