use super::*;
use crate::p1::frame::{CrcPolicy, Event, Framer, FramerSettings};
use crate::p1::write::TelegramWriter;
use proptest::prelude::*;

/// Objects (code and groups) and unrecognised lines of a telegram, as text.
type Said = (Vec<(String, Vec<String>)>, Vec<String>);

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn said(bytes: &[u8]) -> Said {
    let mut result = None;
    let settings = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let mut on = |event: Event<'_>| {
        let Event::Frame(frame) = event else { panic!("{event:?}") };
        let telegram = Telegram::read(&frame);
        let objects = telegram
            .objects()
            .map(|object| (latin1(object.code()), object.groups().map(latin1).collect()))
            .collect();
        result = Some((objects, telegram.unrecognised().map(latin1).collect()));
    };
    let mut framer = Framer::new(settings);
    framer.push(bytes, &mut on);
    framer.finish(&mut on);
    result.expect("a frame")
}

/// What a body without identification says.
fn body(text: &str) -> Said {
    said(format!("/ABC5\r\n\r\n{text}!\r\n").as_bytes())
}

fn object(code: &str, groups: &[&str]) -> (String, Vec<String>) {
    (code.to_owned(), groups.iter().map(|&group| group.to_owned()).collect())
}

#[test]
fn objects_keep_order_groups_and_codes() {
    let (objects, unrecognised) = body(
        "1-3:0.2.8(50)\r\n1-0:99.97.0(1)(0-0:96.7.19)(000104180320W)(0000237126*s)\r\n\
         1-0:1.8.0*255(1*kWh)\r\n1-0:1.8.1.255(2*kWh)\r\n0-0:96.13.0()\r\n1-3:0.2.8(50)\n",
    );
    assert_eq!(
        objects,
        [
            object("1-3:0.2.8", &["50"]),
            object("1-0:99.97.0", &["1", "0-0:96.7.19", "000104180320W", "0000237126*s"]),
            object("1-0:1.8.0*255", &["1*kWh"]),
            object("1-0:1.8.1.255", &["2*kWh"]),
            object("0-0:96.13.0", &[""]),
            object("1-3:0.2.8", &["50"]),
        ]
    );
    assert!(unrecognised.is_empty());
}

#[test]
fn groups_alone_belong_to_the_object_before() {
    let (objects, unrecognised) = body("(x)\r\n0-1:24.3.0(140115170000)(00)\r\n(00733.261)\r\n(1)(2)\r\n");
    assert_eq!(objects, [object("0-1:24.3.0", &["140115170000", "00", "00733.261", "1", "2"])]);
    assert_eq!(unrecognised, ["(x)"]);
}

#[test]
fn a_crooked_line_costs_no_other() {
    let lines = [
        "A-0:1.8.1(1)",
        "1-0-2:1.8.1.0(1)",
        "1-0:1.8(1)",
        "1-0:1.8.256(1)",
        "1-0:99:97.0(1)",
        "x",
        "1-0:1.8.1",
    ];
    for line in
        lines.into_iter().chain(["1-0:1.8.1(a)b", "1-0:1.8.1((a))", "1-0:1.8.1(a", "\u{ff}1-0:1.8.1(a)"])
    {
        let text = [
            "/ABC5\r\n1-0:1.7.0(1)\r\n".as_bytes(),
            &line.chars().map(|c| c as u8).collect::<Vec<_>>(),
            b"\r\n1-0:2.7.0(2)\r\n!\r\n",
        ]
        .concat();
        let (objects, unrecognised) = said(&text);
        assert_eq!(objects, [object("1-0:1.7.0", &["1"]), object("1-0:2.7.0", &["2"])], "{line}");
        assert_eq!(unrecognised, [line]);
    }
}

#[test]
fn a_value_broken_over_lines_is_joined() {
    let (objects, unrecognised) =
        body("1-0:1.7.0(00.\r\n193*kW)\r\n0-1:24.2.1(1)(2\r\n3\r\n*m3)\r\n1-0:2.7.0(1\r\n1-0:2.8.0(2)\r\n");
    assert_eq!(
        objects,
        [
            object("1-0:1.7.0", &["00.193*kW"]),
            object("0-1:24.2.1", &["1", "23*m3"]),
            object("1-0:2.8.0", &["2"])
        ]
    );
    assert_eq!(unrecognised, ["1-0:2.7.0(1"]);
}

#[test]
fn identifications_of_any_length() {
    let parts = |ident: &'static str| {
        let Identification { flag, baud, name } = identification(ident.as_bytes());
        (latin1(flag), latin1(baud), latin1(name))
    };
    let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(parts("/ISK5\\2M550T-1012"), words("ISK", "5", "\\2M550T-1012"));
    assert_eq!(parts("/KAM5"), words("KAM", "5", ""));
    assert_eq!(parts("/LG"), words("LG", "", ""));
    assert_eq!(parts("/"), words("", "", ""));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        ident in "[ -~]{0,20}",
        objects in proptest::collection::vec(
            (any::<[u8; 5]>(), proptest::collection::vec("[^()\r\n]{0,20}", 1..4)), 0..20),
        crc in any::<bool>(),
    ) {
        let mut writer = TelegramWriter::new(ident.as_bytes());
        let mut given = Vec::new();
        for ([a, b, c, d, e], groups) in objects {
            let groups: Vec<Vec<u8>> = groups.into_iter().map(String::into_bytes).collect();
            let slices: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
            let obis = Obis::new(a, b, c, d, e);
            writer.object(obis, &slices).expect("no brackets");
            given.push((obis.to_string(), groups.iter().map(|group| latin1(group)).collect()));
        }
        let bytes = if crc { writer.finish() } else { writer.finish_without_crc() };
        let (objects, unrecognised) = said(&bytes);
        prop_assert_eq!(objects, given);
        prop_assert_eq!(unrecognised, Vec::<String>::new());
    }

    #[test]
    fn no_byte_of_a_line_is_lost(body in proptest::collection::vec(
        prop_oneof![Just(b'('), Just(b')'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'-'), Just(b':'), Just(b'.'), any::<u8>()], 0..200)) {
        let body: Vec<u8> = body.into_iter().filter(|byte| !matches!(byte, b'!' | b'/')).collect();
        let (objects, unrecognised) = said(&[b"/ABC5\r\n", &body[..], b"\r\n!\r\n"].concat());
        let kept: usize = objects.iter().map(|(code, groups)| code.chars().count() + groups.iter().map(|group| group.chars().count() + 2).sum::<usize>()).sum::<usize>()
            + unrecognised.iter().map(|line| line.chars().filter(|&c| c != '\r').count()).sum::<usize>();
        prop_assert_eq!(kept, body.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).count());
    }

    #[test]
    fn what_is_usual_is_in_the_grammar(
        line in "[0-9]-[0-9]:[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3}(\\([ -'*-~]{0,20}\\)){1,3}\r\n[ -~]{0,3}",
        damage in proptest::option::of((any::<proptest::sample::Index>(), "[ -~\r\n]")),
    ) {
        let mut line = line.into_bytes();
        if let Some((place, byte)) = damage {
            let place = place.index(line.len());
            line[place] = byte.as_bytes()[0];
        }
        if let Some(usual) = grammar::usual_object(&line) {
            prop_assert_eq!(grammar::object(&line), Ok(usual));
        }
    }

    #[test]
    fn text_ends_at_the_first_bracket_or_line_end(text in proptest::collection::vec(
        prop_oneof![8 => Just(b'0'), 1 => any::<u8>(), 1 => b'\t'..=b'/'], 0..40)) {
        let end = text.iter().position(|byte| b"()\r\n".contains(byte)).unwrap_or(text.len());
        prop_assert_eq!(grammar::text(&text), &text[end..]);
    }
}

#[test]
fn usual_lines_are_usual() {
    for line in
        ["1-0:1.8.1(011842.507*kWh)\r\n", "0-0:96.13.0()\r\n", "0-1:24.2.1(261107174000W)(07214.386*m3)\r\n"]
    {
        let head = Head { key: 0, at_groups: b"", first_end: b"" };
        let (behind, usual) = grammar::usual_object(line.as_bytes()).unwrap_or((b"x", head));
        assert_eq!(behind, b"", "{line}");
        assert_eq!(grammar::object(line.as_bytes()), Ok((behind, usual)), "{line}");
    }
}
