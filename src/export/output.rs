//! Where an export goes: a file that is there when it is whole, compressed or not.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

/// Writes a file: beside it first, as `FILE.part`, which takes its name when all is on the disk. What was there stays
/// until then, and stays when writing fails. What is no file, such as a pipe, is written as it is.
///
/// # Errors
/// That of `write`; or the system refuses.
pub fn to_file<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, E>,
) -> Result<T, E> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let mut file = BufWriter::new(File::options().write(true).open(path)?);
        let done = write(&mut file)?;
        file.flush()?;
        return Ok(done);
    }
    // A link stays one: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let part = part_of(&path);
    let written = File::create(&part).map_err(E::from).and_then(|file| {
        let mut file = BufWriter::new(file);
        let done = write(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        Ok(done)
    });
    if written.is_err() {
        // Nothing more can be done about it; the error that is told is the first.
        let _ = fs::remove_file(&part);
    }
    written
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    name.into()
}

/// Compresses what is written by gzip. The same bytes give the same bytes: no time or name goes into the header.
///
/// # Errors
/// That of `write`; or the system refuses.
pub fn gzip<T, E: From<io::Error>>(
    out: &mut (dyn Write + Send),
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, E>,
) -> Result<T, E> {
    let mut encoder = GzBuilder::new().write(out, Compression::default());
    let done = write(&mut encoder)?;
    encoder.finish()?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_file_is_whole_or_what_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export.csv");
        let whole: io::Result<()> = to_file(&path, |out| out.write_all(b"whole"));
        whole.expect("it is written");
        let broken: io::Result<()> = to_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::Other.into())
        });
        assert!(broken.is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"whole");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
        let device: io::Result<()> = to_file(Path::new("/dev/null"), |out| out.write_all(b"gone"));
        device.expect("it takes everything");
        assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
        let nowhere: io::Result<()> = to_file(&folder.path().join("no/where"), |_| Ok(()));
        assert!(nowhere.is_err());
    }

    #[test]
    fn compressed_bytes_are_those_of_the_text_alone() {
        let pack = || {
            let mut out = Vec::new();
            let done: io::Result<()> = gzip(&mut out, |out| out.write_all(b"time,power\r\n"));
            done.map(|()| out).expect("memory takes it")
        };
        let mut back = String::new();
        flate2::read::GzDecoder::new(&pack()[..]).read_to_string(&mut back).expect("it is gzip");
        assert_eq!(back, "time,power\r\n");
        assert_eq!(pack(), pack());
    }
}
