//! Several statements told apart: where each begins, so that an error can be shown at its place.

/// The statements of a text with the bytes before each; what is blank or a comment alone is none.
pub(super) fn split(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let (mut statements, mut start, mut at, mut says) = (Vec::new(), 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b'\'' | b'"' | b'`' => until(rest, 1, &[*byte]),
            b'[' => until(rest, 1, b"]"),
            b'-' if rest.starts_with(b"--") => {
                at += until(rest, 2, b"\n");
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                at += until(rest, 2, b"*/");
                continue;
            }
            b';' => {
                if says {
                    statements.push((start, &text[start..at]));
                }
                (start, says) = (at + 1, false);
                at += 1;
                continue;
            }
            byte => {
                says |= !byte.is_ascii_whitespace();
                at += 1;
                continue;
            }
        };
        says = true;
        at += length;
    }
    if says {
        statements.push((start, &text[start..]));
    }
    statements
}

/// The bytes up to and with an end, that is looked for from one on; all of them where there is none.
fn until(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let found = bytes[from..].windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |place| from + place + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_that_are_no_text() {
        let statements =
            |text| split(text).into_iter().map(|(_, statement)| statement.trim()).collect::<Vec<_>>();
        assert_eq!(statements("SELECT 1"), ["SELECT 1"]);
        assert_eq!(statements(" SELECT 1 ; SELECT ';', \"a;b\";; "), ["SELECT 1", "SELECT ';', \"a;b\""]);
        assert_eq!(
            statements("SELECT 'it''s; one' -- and; so\n, 2;"),
            ["SELECT 'it''s; one' -- and; so\n, 2"]
        );
        assert_eq!(
            statements("/* ; */ SELECT [a;b], `c;d` /* open ;"),
            ["/* ; */ SELECT [a;b], `c;d` /* open ;"]
        );
        assert_eq!(statements("-- nothing; at all\n /* ; */ ;"), Vec::<&str>::new());
        assert_eq!(statements("SELECT 'open; SELECT 2"), ["SELECT 'open; SELECT 2"]);
        assert_eq!(statements("SELECT 'é;ö'; SELECT 2"), ["SELECT 'é;ö'", "SELECT 2"]);
        assert_eq!(split("SELECT 1; SELECT x").last(), Some(&(9, " SELECT x")));
    }
}
