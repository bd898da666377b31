use proptest::prelude::*;

use super::*;

fn read(text: &'static str) -> (Vec<Vec<Option<String>>>, Dump) {
    let mut dump = Dump::new(Input::of(text.as_bytes()), |name| name == "t");
    let mut rows = Vec::new();
    let mut width = 0;
    loop {
        match dump.next() {
            Event::Table(table) => width = table.columns.len(),
            Event::Row => {
                let row = dump.row();
                rows.push((0..width).map(|place| row.get(Some(place)).map(str::to_owned)).collect());
            }
            Event::End => return (rows, dump),
        }
    }
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect()
}

#[test]
fn rows_of_copy_are_read_with_their_escapes() {
    let (rows, dump) = read(
        "--\n-- PostgreSQL database dump\n--\n\\restrict x\nCOPY public.other (a) FROM stdin;\n1\t2\t3\n\\.\n\
         COPY t (a, \"end\") FROM stdin;\n1\t\\N\nit\\tis\\\\\tx\\ny\n\\.\n-- PostgreSQL database dump complete\n",
    );
    assert_eq!(rows, [some(&["1", "NULL"]), some(&["it\tis\\", "x\ny"])]);
    assert!(dump.is_complete() && dump.is_dump() && dump.cut().is_none());
    assert_eq!(dump.problems().count, 0);
}

#[test]
fn rows_of_insert_are_read_whatever_their_style() {
    let (rows, dump) = read(
        "CREATE TABLE public.t (\n    a integer NOT NULL,\n    \"end\" date,\n    CONSTRAINT x CHECK (a > 0)\n);\n\
         INSERT INTO public.t VALUES (1, 'it''s; (here)');\n\
         INSERT INTO public.other VALUES (1, 'INSERT INTO t VALUES (');\n\
         INSERT INTO public.t (\"end\", a) VALUES ('two\nlines', NULL);\n\
         INSERT INTO t VALUES\n\t(2, E'tab\\there'),\n\t(3, true) ON CONFLICT DO NOTHING;\n",
    );
    assert_eq!(
        rows,
        [
            some(&["1", "it's; (here)"]),
            some(&["two\nlines", "NULL"]),
            some(&["2", "tab\there"]),
            some(&["3", "true"]),
        ]
    );
    assert_eq!(dump.problems().count, 0, "{:?}", dump.problems());
}

#[test]
fn rows_that_make_no_sense_are_named_by_their_line() {
    let (rows, dump) = read("COPY t (a, b) FROM stdin;\n1\t2\n1\n1\t2\t3\n3\t4\n\\.\n");
    assert_eq!(rows.len(), 2);
    assert_eq!(dump.problems().count, 2);
    assert_eq!(dump.problems().first[0], (3, "t has 2 columns, this row 1; it is left out".to_owned()));
}

#[test]
fn a_file_that_breaks_off_gives_what_is_whole() {
    for end in ["3\t", "3\t4", ""] {
        let text = format!("COPY t (a, b) FROM stdin;\n1\t2\n{end}").leak();
        let (rows, dump) = read(text);
        assert_eq!(rows, [some(&["1", "2"])]);
        assert_eq!(dump.cut(), Some("t"));
        assert!(!dump.is_complete());
    }
}

proptest! {
    #[test]
    fn values_come_back_from_copy(
        values in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)), 1..8)
    ) {
        let line = copy::join(&values);
        prop_assert!(!line.contains(&b'\n'));
        let (mut text, mut fields) = (Vec::new(), Vec::new());
        copy::split(&line, &mut text, &mut fields);
        let back: Vec<Option<Vec<u8>>> =
            fields.iter().map(|field| field.map(|(from, to)| text[from..to].to_vec())).collect();
        prop_assert_eq!(back, values);
    }

    #[test]
    fn any_bytes_are_gone_through(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in 0..7_usize) {
        let heads = [
            "",
            "COPY t (a) FROM stdin;\n",
            "INSERT INTO t VALUES (",
            "CREATE TABLE t (\n",
            "INSERT INTO `t` VALUES ('",
            "-- MySQL dump 10.13\nREPLACE INTO `t` VALUES (_binary '",
            "-- MariaDB dump 10.19\nCREATE TABLE `t` (\n  `a` int,\n",
        ];
        let text = [heads[head].as_bytes(), &bytes].concat();
        let length = text.len();
        let mut dump = Dump::new(Input::of(std::io::Cursor::new(text)), |_| true);
        let mut events = 0;
        while dump.next() != Event::End {
            events += 1;
            prop_assert!(events <= length + 1);
        }
    }
}

#[test]
fn a_table_is_told_again_after_another() {
    let text = "INSERT INTO t (a, b) VALUES (1, 2);\nCOPY u (c) FROM stdin;\n3\n\\.\nINSERT INTO t (a, b) VALUES (4, 5);\n";
    let mut dump = Dump::new(Input::of(text.as_bytes()), |_| true);
    let mut told = Vec::new();
    loop {
        match dump.next() {
            Event::Table(table) => told.push(table.name.clone()),
            Event::Row => told.push(String::from("row")),
            Event::End => break,
        }
    }
    assert_eq!(told, ["t", "row", "u", "row", "t", "row"]);
}

#[test]
fn rows_of_mysql_are_read_with_what_backslashes_mean() {
    let (rows, dump) = read(
        "-- MySQL dump 10.13  Distrib 8.0.36\nCREATE TABLE IF NOT EXISTS `t` (\n  `a` int(11) NOT NULL,\n  `en``d` text,\n  \
         PRIMARY KEY (`a`),\n  KEY `x` (`a`)\n) ENGINE=InnoDB;\nINSERT INTO `t` VALUES (1,'it\\'s; \\\\ (\\\"here\\\")'),(2,NULL);\n\
         REPLACE INTO `t` (`a`, `en``d`) VALUES\n(3,'two\\nlines'),\n(4,_binary 'it''s');\nINSERT IGNORE INTO `other` VALUES (1);\n\
         -- Dump completed on 2026-10-27  7:00:00\n",
    );
    let expected = [["1", "it's; \\ (\"here\")"], ["2", "NULL"], ["3", "two\nlines"], ["4", "it's"]]
        .map(|row| some(&row));
    assert_eq!(rows, expected);
    assert_eq!(dump.problems().count, 0, "{:?}", dump.problems());
    assert!(dump.is_complete() && dump.is_begun());
}

#[test]
fn in_a_dump_of_postgresql_a_backslash_is_one() {
    let (rows, _) = read("INSERT INTO \"t\" (a, b) VALUES ('C:\\', 'x');\n");
    assert_eq!(rows, [some(&["C:\\", "x"])]);
}
