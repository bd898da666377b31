//! Just enough of Rust's surface to find paths and words in it: comments and literals are blanked out,
//! `use` trees are spread.

/// The code alone: comments, strings and character literals become spaces, lines stay where they are.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => find(bytes, at, b"\n").unwrap_or(bytes.len()),
            b'/' if bytes[at..].starts_with(b"/*") => block_comment(bytes, at),
            b'r' if !follows_word(bytes, at) && raw_string(bytes, at).is_some() => {
                raw_string(bytes, at).unwrap_or(at + 1)
            }
            b'"' => string(bytes, at),
            b'\'' => match character(bytes, at) {
                Some(end) => end,
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes[from..].windows(what.len()).position(|window| window == what).map(|offset| from + offset)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    // The b of a raw byte string is no word of its own.
    at > 0 && is_word(bytes[at - 1]) && !(bytes[at - 1] == b'b' && (at < 2 || !is_word(bytes[at - 2])))
}

fn block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let quote = start + 1 + hashes;
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    Some(find(bytes, quote + 1, &close).map_or(bytes.len(), |end| end + close.len()))
}

fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a character literal, or none for a lifetime.
fn character(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start + 1) == Some(&b'\\') {
        return find(bytes, start + 3, b"'").map(|end| end + 1);
    }
    // One character of up to four bytes, then the quote.
    (start + 2..=start + 5)
        .find(|&end| bytes.get(end) == Some(&b'\''))
        .filter(|&end| {
            std::str::from_utf8(&bytes[start + 1..end]).is_ok_and(|text| text.chars().count() == 1)
        })
        .map(|end| end + 1)
}

/// A module's code without its unit tests, which stand at the end of a file in `mod tests`.
pub(super) fn without_tests(code: &str) -> &str {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let rest = code[from + found..].lines().skip(1).find(|line| !line.trim_start().starts_with('#'));
        if rest.is_some_and(|line| line.starts_with("mod ") && line.contains('{')) {
            return &code[..from + found];
        }
        from += found + 1;
    }
    code
}

/// Words of the code, each with its line, counted from one.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(index, line)| {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .map(move |word| (index + 1, word))
    })
}

/// Every path in the code (`a::b::c`), trees spread, each with its line.
pub(super) fn paths(code: &str) -> Vec<(usize, String)> {
    let bytes = code.as_bytes();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < bytes.len() {
        if bytes[at] == b'\n' {
            line += 1;
        }
        let starts =
            is_word(bytes[at]) && !bytes[..at].last().is_some_and(|&last| is_word(last) || last == b'.');
        if !starts {
            at += 1;
            continue;
        }
        let end = tree(bytes, at, String::new(), line, &mut found);
        line += bytes[at..end].iter().filter(|&&byte| byte == b'\n').count();
        at = end;
    }
    found
}

/// Reads one path or tree that starts at a word; gives the place behind it.
fn tree(bytes: &[u8], start: usize, prefix: String, line: usize, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = prefix;
    let mut at = start;
    loop {
        let end = at + bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
        if !path.is_empty() {
            path.push_str("::");
        }
        path.push_str(&String::from_utf8_lossy(&bytes[at..end]));
        at = end;
        if !bytes[at..].starts_with(b"::") {
            found.push((line, path));
            return at;
        }
        match bytes.get(at + 2) {
            Some(&next) if is_word(next) => at += 2,
            Some(b'{') => return group(bytes, at + 3, &path, line, found),
            _ => {
                found.push((line, path));
                return at + 2;
            }
        }
    }
}

fn group(bytes: &[u8], start: usize, prefix: &str, line: usize, found: &mut Vec<(usize, String)>) -> usize {
    let mut at = start;
    while at < bytes.len() {
        if bytes[at] == b'}' {
            return at + 1;
        }
        let lines = bytes[start..at].iter().filter(|&&byte| byte == b'\n').count();
        at =
            if is_word(bytes[at]) { tree(bytes, at, prefix.to_owned(), line + lines, found) } else { at + 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a(\"x // \\\" y\", 'b', '\\'', 'é', r#\"c\"d\"#, br\"e\"); // f\n/* g /* h */ i */ fn j<'k>() {}\n";
        let code = code(text);
        let words: Vec<_> = words(&code).collect();
        assert_eq!(words, [(1, "a"), (1, "b"), (2, "fn"), (2, "j"), (2, "k")], "{code}");
    }

    #[test]
    fn trees_are_spread() {
        let code = "use a::{self, b::{c, d as e},\n    f::*};\nlet x = crate::g::h::<i::J>(k.l, m::n);";
        let paths = paths(code);
        let expected = [
            (1, "use"),
            (1, "a::self"),
            (1, "a::b::c"),
            (1, "a::b::d"),
            (2, "a::f"),
            (3, "crate::g::h"),
            (3, "i::J"),
            (3, "m::n"),
        ];
        for (line, path) in expected {
            assert!(paths.contains(&(line, path.to_owned())), "{line} {path}: {paths:?}");
        }
    }

    #[test]
    fn unit_tests_are_cut_off() {
        let code = "#[cfg(test)]\nfn helper() {}\nfn real() {}\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {\n}\n";
        assert_eq!(
            without_tests(code),
            "#[cfg(test)]\nfn helper() {}\nfn real() {}\n#[cfg(test)]\nmod tests;\n"
        );
    }
}
