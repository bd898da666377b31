//! Secrets that may stand in the configuration, in a file of their own, or among systemd's credentials. Nothing here
//! repeats one, whatever is wrong with it.

use std::path::{Path, PathBuf};

use super::raw;
use super::reader::Reader;
use super::report::{Origin, why};
use super::value::{Value, quote};

/// A secret that can be set in two ways.
pub(super) struct Named {
    /// The key that holds it.
    pub(super) inline: &'static str,
    /// The key that names a file with it.
    pub(super) file: &'static str,
    /// What it is, in a sentence.
    pub(super) what: &'static str,
    /// A name for a credential.
    pub(super) credential: &'static str,
}

impl Named {
    /// Looks at how it was set: twice, or where everyone can read it.
    pub(super) fn look(&self, reader: &mut Reader<'_, '_>) {
        if reader.is_set(self.inline) && reader.is_set(self.file) {
            reader.problem(self.inline, format_args!("{} is set as well; keep one of the two", self.file));
        }
        let in_the_file = matches!(reader.origin(self.inline), Origin::File { .. });
        if in_the_file && reader.context.facts.files.is_open_to_all(reader.context.file) {
            let message =
                format!("every user of this machine can read this file, and so {}; chmod o-r it", self.what);
            reader.warning(self.inline, message);
        }
    }

    /// What the file holds, without a line end behind it. None when there is no file, or a problem with it.
    pub(super) fn in_file(&self, reader: &mut Reader<'_, '_>) -> Option<String> {
        let (name, what) = (self.file, self.what);
        let typed = reader.path(name)?;
        if typed.file_name().and_then(|name| name.to_str()).is_some_and(looks_like_a_key) {
            // Without this the message about a file that is not there would tell the key.
            reader.problem(
                name,
                format_args!("this is a key and no file; write it into a file, or set {}", self.inline),
            );
            return None;
        }
        let path = match credential_name(reader, &typed) {
            None => typed,
            Some(credential) => {
                reader.complete(name, &Value::Text(format!("credential:{credential}")));
                match self.path_of(reader, &credential) {
                    Ok(path) => path,
                    Err(message) => {
                        reader.problem(name, message);
                        return None;
                    }
                }
            }
        };
        let shown = path.display();
        let files = reader.context.facts.files;
        let bytes = match files.read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let why = why(&error);
                reader.problem(name, format_args!("cannot read {shown}: {why}; write {what} into it"));
                return None;
            }
        };
        if files.is_open_to_all(&path) {
            reader.warning(name, format_args!("every user of this machine can read {shown}; chmod o-r it"));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            reader.problem(name, format_args!("{shown} is not UTF-8 text; write {what} into it as text"));
            return None;
        };
        let secret =
            text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        if secret.is_empty() || secret.len() > 65_535 {
            reader.problem(name, format_args!("{shown} is empty or too long; write {what} into it"));
            return None;
        }
        Some(secret.to_owned())
    }

    /// The file of a credential, in the folder that systemd made for the service.
    fn path_of(&self, reader: &Reader<'_, '_>, credential: &str) -> Result<PathBuf, String> {
        if credential.is_empty() || credential.contains('/') || credential == ".." {
            let (shown, example) = (quote(credential), self.credential);
            return Err(format!("{shown} is no name of a credential; write credential:{example}"));
        }
        match reader.context.env.iter().find(|(variable, _)| variable == "CREDENTIALS_DIRECTORY") {
            Some((_, folder)) => Ok(Path::new(folder).join(credential)),
            None => Err("systemd gave no credentials (CREDENTIALS_DIRECTORY is not set); \
                         add LoadCredential= to the unit, or name a file"
                .to_owned()),
        }
    }
}

/// Whether this is a key rather than the name of a file: the whole key, or one with a few digits too many or too
/// few.
fn looks_like_a_key(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_hexdigit).count();
    digits >= 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || b" :-".contains(&byte))
}

/// The NAME of `credential:NAME`.
fn credential_name(reader: &Reader<'_, '_>, typed: &Path) -> Option<String> {
    let typed = typed.strip_prefix(raw::folder(reader.context.file)).ok()?;
    typed.to_str()?.strip_prefix("credential:").map(str::to_owned)
}
