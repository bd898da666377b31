//! What a block costs: its bytes by part, how long it takes to make one and to read it, and what real streams come to.

use std::collections::BTreeMap;

use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::store::probe;

const ROUNDS: usize = 9;

/// Prints bytes by part and times of a day of readings, an hour a block.
pub(crate) fn day(readings: &[Reading]) -> anyhow::Result<()> {
    let written = hours(readings)?;
    let mut packed = Vec::new();
    let mut summaries = 0;
    for block in &written {
        let (block, summary) =
            probe::repack(block).ok_or_else(|| anyhow::anyhow!("a block cannot be packed"))?;
        summaries += summary.len();
        packed.push(block);
    }
    let count = readings.len();
    parts(&packed, count, summaries)?;
    let hours = packed.len() as f64;
    let ms = |what: &str, per: f64, unit: &str, work: &mut dyn FnMut() -> Option<()>| {
        let best = (0..ROUNDS).map(|_| timed(work)).collect::<Option<Vec<_>>>();
        let best = best.into_iter().flatten().fold(f64::INFINITY, f64::min);
        println!("{what:30}{:.2} ms{unit}", best / per);
    };
    ms("a day to columns", 1.0, "", &mut || {
        packed.iter().try_for_each(|block| probe::columns(block.clone(), &|_| true).map(drop))
    });
    ms("a day of one column", 1.0, "", &mut || {
        packed
            .iter()
            .try_for_each(|block| probe::columns(block.clone(), &|key| key == "power_import").map(drop))
    });
    ms("a day to readings", 1.0, "", &mut || {
        packed.iter().try_for_each(|block| probe::readings(block.clone()).map(drop))
    });
    ms("making a block", hours, " an hour", &mut || {
        written.iter().try_for_each(|block| probe::repack(block).map(drop))
    });
    Ok(())
}

/// Milliseconds of the processor, which others that use the machine do not make more.
fn timed(work: &mut dyn FnMut() -> Option<()>) -> Option<f64> {
    let started = cpu()?;
    work()?;
    Some((cpu()? - started) as f64 / 1e6)
}

/// Nanoseconds that this thread has run.
fn cpu() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The readings in blocks of codec 1.
pub(crate) fn hours(readings: &[Reading]) -> anyhow::Result<Vec<Vec<u8>>> {
    let hours = readings.chunk_by(|a, b| a.utc_seconds() / 3_600 == b.utc_seconds() / 3_600);
    hours.map(|hour| probe::write(hour).ok_or_else(|| anyhow::anyhow!("an hour does not fit"))).collect()
}

fn parts(packed: &[Vec<u8>], count: usize, summaries: usize) -> anyhow::Result<()> {
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for block in packed {
        let of_block = probe::parts(block).ok_or_else(|| anyhow::anyhow!("a block cannot be read"))?;
        for (part, size) in of_block {
            *parts.entry(part).or_default() += size;
        }
    }
    parts.insert("summary".to_owned(), summaries);
    let mut parts: Vec<_> = parts.into_iter().map(|(part, size)| (size, part)).collect();
    parts.sort_unstable_by(|a, b| b.cmp(a));
    let all: usize = parts.iter().map(|(size, _)| size).sum();
    println!("blocks, bytes a reading       {:.3}", all as f64 / count as f64);
    for (size, part) in parts {
        println!("  {part:28}{:.4}", size as f64 / count as f64);
    }
    Ok(())
}

/// Prints the bytes a reading of each stream of real telegrams in a folder, as one meter's second by second.
pub(crate) fn captures(folder: &std::path::Path) -> anyhow::Result<()> {
    let zone = Zone::new("Europe/Amsterdam")?;
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "txt"));
    files.sort_by_key(std::fs::DirEntry::path);
    println!("{:44}{:>9}{:>9}{:>9}", "bytes a reading of", "readings", "row by", "by column");
    for file in files {
        let mut readings = Vec::new();
        let mut framer = Framer::new(FramerSettings::default());
        let bytes = std::fs::read(file.path())?;
        framer.push(&bytes, &mut |event| {
            if let Event::Frame(frame) = event {
                let received_at = (1_795_129_200 + readings.len() as i64) * 1_000 + 130;
                readings.push(dsmrd::meter::read(&frame, &zone, received_at).reading);
            }
        });
        if readings.is_empty() {
            continue;
        }
        let written = hours(&readings)?;
        let packed: Option<Vec<_>> = written.iter().map(|block| probe::repack(block)).collect();
        let packed = packed.ok_or_else(|| anyhow::anyhow!("a block cannot be packed"))?;
        let each = |bytes: usize| bytes as f64 / readings.len() as f64;
        println!(
            "{:44}{:>9}{:>9.2}{:>9.2}",
            file.file_name().to_string_lossy(),
            readings.len(),
            each(written.iter().map(Vec::len).sum()),
            each(packed.iter().map(|(block, _)| block.len()).sum())
        );
    }
    Ok(())
}
