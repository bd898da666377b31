//! Clocks that are wrong, and clocks of other shapes.

use super::*;

fn strict(tolerance: u32) -> Interpreter {
    let settings =
        InterpreterSettings { clock_tolerance_s: Some(tolerance), ..InterpreterSettings::default() };
    Interpreter::new(settings)
}

#[test]
fn a_clock_too_far_off_gives_way_to_the_time_of_arrival_and_is_told_once() {
    let mut interpreter = strict(60);
    let right = 1_794_069_733;
    let line = ["0-0:1.0.0(261107174213W)"];
    let at = |interpreter: &mut Interpreter, arrived| {
        let reading = feed(interpreter, arrived, &line).reading;
        assert_eq!(reading.time.map(|time| time.local.second), Some(13), "it stays to be seen");
        reading.utc_seconds()
    };
    assert_eq!(at(&mut interpreter, right + 60), right);
    assert_eq!(interpreter.clock_doubt(), None);
    assert_eq!(at(&mut interpreter, right + 61), right + 61);
    assert_eq!(at(&mut interpreter, right + 62), right + 62);
    let doubt = interpreter.clock_doubt().expect("a doubt");
    assert_eq!(doubt, ClockDoubt::Off { clock_s: right, ahead_s: -61 });
    assert_eq!(doubt.to_string(), "the meter's clock is 61 s behind");
    assert_eq!(interpreter.clock_doubt(), None);
    // At the edge it is the same trouble still.
    at(&mut interpreter, right + 59);
    at(&mut interpreter, right + 61);
    assert_eq!(interpreter.clock_doubt(), None);
    // Set, and wrong again by an hour.
    at(&mut interpreter, right);
    at(&mut interpreter, right - 3_600);
    let doubt = interpreter.clock_doubt().expect("a doubt");
    assert_eq!(
        doubt.to_string(),
        "the meter's clock is 3600 s ahead: does `country` or `timezone` fit the meter?"
    );
}

#[test]
fn a_clock_is_believed_where_no_tolerance_is_set() {
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    let read = feed(&mut interpreter, 7, &["0-0:1.0.0(381107174213W)"]).reading;
    assert_eq!(read.utc_seconds(), 2_172_760_933);
    assert_eq!(interpreter.clock_doubt(), None);
}

#[test]
fn no_date_leaves_the_time_of_arrival_and_costs_nothing_else() {
    for clock in [
        "0-0:1.0.0(000101010000W)",
        "0-0:1.0.0(700101010000W)",
        "0-0:1.0.0(632525252525S)",
        "0-0:1.0.0(213112235959W)",
        "0-0:1.0.0(xxx)",
        "0-0:1.0.0()",
        "0-0:1.0.0(07EA0D0B0208151900007880)",
        "1-0:0.9.1(222553)",
    ] {
        let mut interpreter = strict(60);
        let read = feed(&mut interpreter, 4_711, &[clock, "1-0:1.7.0(00.417*kW)"]);
        let split = clock.starts_with("1-0");
        assert_eq!(interpreter.clock_doubt(), (!split).then_some(ClockDoubt::NoDate), "half a clock is none");
        feed(&mut interpreter, 4_712, &[clock]);
        assert_eq!(interpreter.clock_doubt(), None);
        assert_eq!((read.reading.time, read.reading.utc_seconds()), (None, 4_711), "{clock}");
        assert!(read.reading.number(Field::PowerImport).is_some());
        assert_eq!(read.unreadable, 0);
    }
}

#[test]
fn clocks_of_other_shapes() {
    for (lines, utc) in [
        // COSEM octets with the bit of summer time, as MCS301 writes them.
        (&["0-0:1.0.0(07EA080B02080F1300007880)"][..], 1_786_428_919),
        (&["0-0:1.0.0(20240111 09:35:00)"], 1_704_962_100),
        (&["1-0:0.9.1(222553)", "1-0:0.9.2(251002)"], 1_759_436_753),
        (&["0-0:1.1.0(251214081530W)"], 1_765_696_530),
        (&["0-0:0.0.0(251214081530W)"], 1_765_696_530),
    ] {
        let mut interpreter = Interpreter::new(InterpreterSettings::default());
        assert_eq!(feed(&mut interpreter, 0, lines).reading.utc_seconds(), utc, "{lines:?}");
    }
}
