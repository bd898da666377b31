//! How the record is, as one JSON object.

use super::super::text;
use crate::telemetry::{BackupHealth, StoreHealth};

/// The payload. Numbers of readings are those of a fault: while all is well there is always something under way.
pub(super) fn json(health: &StoreHealth) -> Vec<u8> {
    let mut out = br#"{"state": "#.to_vec();
    text::json_string(&mut out, health.state());
    for key in ["problem", "since"] {
        out.extend_from_slice(format!(", \"{key}\": ").as_bytes());
        match (&health.trouble, key) {
            (Some(trouble), "problem") => text::json_string(&mut out, &trouble.problem),
            (Some(trouble), _) => {
                let since = jiff::Timestamp::from_millisecond(trouble.since).unwrap_or_default();
                text::json_string(&mut out, &since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            }
            (None, _) => out.extend_from_slice(b"null"),
        }
    }
    let waiting = if health.trouble.is_some() { health.waiting } else { 0 };
    out.extend_from_slice(format!(", \"waiting\": {waiting}, \"lost\": {}", health.lost).as_bytes());
    out.extend_from_slice(b", \"backup\": ");
    match &health.backup {
        Some(backup) => of_backup(&mut out, backup),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
    out
}

fn of_backup(out: &mut Vec<u8>, backup: &BackupHealth) {
    out.extend_from_slice(b"{\"last\": ");
    let last = backup.last_good.and_then(|time| jiff::Timestamp::from_second(time.try_into().ok()?).ok());
    or_null(out, last.map(|last| last.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).as_deref());
    out.extend_from_slice(b", \"problem\": ");
    or_null(out, backup.problem.as_deref());
    out.push(b'}');
}

fn or_null(out: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text::json_string(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{StoreFault, StoreTrouble};

    #[test]
    fn a_fault_is_told_with_its_beginning() {
        let mut health = StoreHealth { trouble: None, waiting: 12, lost: 3, backup: None };
        let well =
            r#"{"state": "ok", "problem": null, "since": null, "waiting": 0, "lost": 3, "backup": null}"#;
        assert_eq!(String::from_utf8_lossy(&json(&health)), well);
        let problem = "no \"space\" left".to_owned();
        health.trouble = Some(StoreTrouble { fault: StoreFault::Journal, problem, since: 1_795_219_200_999 });
        let ill = r#"{"state": "journal", "problem": "no \"space\" left", "since": "2026-11-21T00:00:00Z", "waiting": 12, "lost": 3, "backup": null}"#;
        assert_eq!(String::from_utf8_lossy(&json(&health)), ill);
        health.trouble = None;
        health.backup = Some(BackupHealth { last_good: Some(1_795_219_200), problem: None });
        let told = String::from_utf8_lossy(&json(&health)).into_owned();
        assert!(told.ends_with(r#""backup": {"last": "2026-11-21T00:00:00Z", "problem": null}}"#), "{told}");
        health.backup = Some(BackupHealth { last_good: None, problem: Some("no folder".to_owned()) });
        let told = String::from_utf8_lossy(&json(&health)).into_owned();
        assert!(told.ends_with(r#""backup": {"last": null, "problem": "no folder"}}"#), "{told}");
    }
}
