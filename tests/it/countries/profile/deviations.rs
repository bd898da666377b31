use dsmrd::meter::{Cell, Field, Interpreted, Interpreter, InterpreterSettings, MbusClass, Unit};
use dsmrd::p1::frame::{CrcPolicy, Event};
use dsmrd::p1::{Framer, FramerSettings, Obis, Telegram};

/// A telegram of these lines, and what it means.
fn read<T>(lines: &[&str], look: impl FnOnce(&Telegram<'_>, Interpreted) -> T) -> T {
    let text = format!("/XYZ5TEST\r\n\r\n{}\r\n!\r\n", lines.join("\r\n"));
    let mut framer = Framer::new(FramerSettings { crc: CrcPolicy::Auto, ..FramerSettings::default() });
    let (mut look, mut out) = (Some(look), None);
    framer.push(text.as_bytes(), &mut |event| {
        let Event::Frame(frame) = event else { panic!("{event:?}") };
        let telegram = Telegram::read(&frame);
        let read = Interpreter::new(InterpreterSettings::default()).interpret(&telegram, 4_711_000);
        out = look.take().map(|look| look(&telegram, read));
    });
    out.expect("a telegram")
}

/// The value of a line as number and unit; what it is that cannot be read is counted.
#[track_caller]
fn value(line: &str, field: Field, wanted: Option<(&str, Unit)>, unreadable: usize) {
    read(&[line], |telegram, read| {
        let found = match read.reading.get(field) {
            Some(Cell::Number(quantity)) => Some((quantity.value.to_string(), quantity.unit)),
            _ => None,
        };
        assert_eq!(found, wanted.map(|(number, unit)| (number.to_owned(), unit)), "{line}");
        assert_eq!((read.unreadable, read.unrecognised), (unreadable, 0), "{line}");
        // The object is there whatever became of its value.
        assert_eq!(telegram.objects().len(), 1);
    });
}

#[test]
fn numbers_in_every_width_sign_and_unit() {
    let power = |text: &str, wanted: Option<(&str, Unit)>, unreadable| {
        value(&format!("1-0:1.7.0({text})"), Field::PowerImport, wanted, unreadable);
    };
    power("01.193*kW", Some(("1.193", Unit::KiloWatt)), 0);
    power("01.193*kw", Some(("1.193", Unit::KiloWatt)), 0);
    power("01.193*KW", Some(("1.193", Unit::KiloWatt)), 0);
    power("0000.716kW", Some(("0.716", Unit::KiloWatt)), 0);
    power("000000286*W", Some(("0.286", Unit::KiloWatt)), 0);
    power("-03.618*kW", Some(("-3.618", Unit::KiloWatt)), 0);
    power("-00.000*kW", Some(("0.000", Unit::KiloWatt)), 0);
    // Without a unit only zero is sure.
    power("00000.000", Some(("0.000", Unit::KiloWatt)), 0);
    power("16500", Some(("16500", Unit::One)), 0);
    power("", None, 0);
    power("*kW", None, 0);
    power("1*kW*h", None, 1);
    power("1.2.3*kW", None, 1);
    power("01.193*kWatts", None, 1);
    power("not-a-number*kW", None, 1);

    for (text, wanted) in
        [("0230.0*V", "230.0"), ("00234.6*V", "234.6"), ("0041160.00*V", "41160.00"), ("00.231*kV", "231")]
    {
        value(&format!("1-0:32.7.0({text})"), Field::VoltageL1, Some((wanted, Unit::Volt)), 0);
    }
    for (line, field, number, unit) in [
        ("1-0:1.8.0(006545766*Wh)", Field::EnergyImportTotal, "6545.766", Unit::KiloWattHour),
        ("1-0:1.8.0(20000*kWh)", Field::EnergyImportTotal, "20000", Unit::KiloWattHour),
        ("1-0:1.8.0(1.5*MWh)", Field::EnergyImportTotal, "1500", Unit::KiloWattHour),
        (
            "1-0:1.8.0*255(00052185.7825309*kWh)",
            Field::EnergyImportTotal,
            "52185.7825309",
            Unit::KiloWattHour,
        ),
        ("1-0:3.8.0(1*kVArh)", Field::ReactiveEnergyImportTotal, "1", Unit::KiloVarHour),
        ("1-0:3.8.0(1*kVarh)", Field::ReactiveEnergyImportTotal, "1", Unit::KiloVarHour),
        ("1-0:3.8.0(000000747*varh)", Field::ReactiveEnergyImportTotal, "0.747", Unit::KiloVarHour),
        ("1-0:3.8.0(2*MVArh)", Field::ReactiveEnergyImportTotal, "2000", Unit::KiloVarHour),
        ("1-0:31.7.0(281*mA)", Field::CurrentL1, "0.281", Unit::Ampere),
        ("1-0:31.7.0.255(001*A)", Field::CurrentL1, "1", Unit::Ampere),
        ("1-0:11.7.0(000.006*kA)", Field::CurrentAny, "6", Unit::Ampere),
        ("1-0:14.7.0(0000.049*kHz)", Field::Frequency, "49", Unit::Hertz),
        ("1-0:13.7.0(-0.910)", Field::PowerFactor, "-0.910", Unit::One),
        ("0-0:17.0.0(069.0*kVA)", Field::LimiterThreshold, "69.0", Unit::KiloVoltAmpere),
        ("0-0:17.0.0(016*A)", Field::LimiterThreshold, "16", Unit::Ampere),
        ("0-0:17.0.0(24000*W)", Field::LimiterThreshold, "24.000", Unit::KiloWatt),
    ] {
        value(line, field, Some((number, unit)), 0);
    }
}

#[test]
fn lines_that_are_no_objects_cost_no_other() {
    read(
        &[
            "1-0:72:32.0(00000)",
            "1-0:99:97.0(2)(0:96.7.19)",
            "1-0:1.8.300(7*kWh)",
            "0-0:96.13.0((ER11))",
            "0-0:94.98.77(unheard of)",
            "1-0:1.7.0(00.",
            "417*kW)",
            "0-0:96.13.1(test-/-test)",
        ],
        |telegram, read| {
            assert_eq!((read.unrecognised, read.unreadable, read.duplicates), (4, 0, 0));
            let kept: Vec<Obis> = telegram.objects().map(|object| object.obis()).collect();
            assert!(kept.contains(&Obis::new(0, 0, 94, 98, 77)));
            assert_eq!(
                read.reading.number(Field::PowerImport).map(|power| power.to_string()).as_deref(),
                Some("0.417")
            );
            assert_eq!(read.reading.text(Field::MessageCode), Some(&b"test-/-test"[..]));
        },
    );
}

#[test]
fn identifiers_are_opaque() {
    for (text, shown) in [
        ("4B384547303034303436333935353037", "K8EG004046395507"),
        ("4b384547", "K8EG"),
        ("K50322", "K50322"),
        ("xxxxxxxxxxxxx", "xxxxxxxxxxxxx"),
        ("****", "****"),
        ("3134<redacted>", "3134<redacted>"),
        ("314", "314"),
        ("FFFF", "FFFF"),
    ] {
        read(&[&format!("0-0:96.1.1({text})")], |_, read| {
            assert_eq!(read.reading.equipment_id().as_deref(), Some(shown));
            assert_eq!(read.reading.text(Field::MeterId), Some(text.as_bytes()));
            assert_eq!(read.unreadable, 0);
        });
    }
    // The same in another field while the first is empty.
    read(&["0-0:96.1.1()", "0-0:96.1.0(44170551)"], |_, read| {
        assert_eq!(read.reading.equipment_id().as_deref(), Some("44170551"));
    });
}

#[test]
fn sub_meters_without_a_reading_are_there_all_the_same() {
    for reading in [
        "0-1:24.2.1()",
        "0-1:24.2.1(0)",
        "0-1:24.2.1(700101010000W)(00000000)",
        "0-1:24.2.1(000101000000W)(00000000.0000)",
        "0-1:24.2.1(632525252525S)(00000.000)",
        "0-1:24.2.1(220924225855S)(*m3)",
    ] {
        read(&["0-1:24.1.0(003)", reading], |_, read| {
            let device = &read.reading.mbus[0];
            assert_eq!((device.class(), device.readings[0].value), (Some(MbusClass::Gas), None), "{reading}");
            assert_eq!(read.unreadable, 0, "{reading}");
            assert_eq!(read.reading.utc_seconds(), 4_711);
        });
    }
    for (text, number, unit) in [
        ("2750.5*MJ", "2.7505", Unit::GigaJoule),
        ("1204*dm3", "1.204", Unit::CubicMetre),
        ("12785.123*m3", "12785.123", Unit::CubicMetre),
    ] {
        read(&[&format!("0-1:24.2.1(251214081530W)({text})")], |_, read| {
            let value = read.reading.mbus[0].readings[0].value.expect("a value");
            assert_eq!((value.value.to_string().as_str(), value.unit), (number, unit));
        });
    }
}

#[test]
fn nothing_hangs_on_the_version_and_nothing_is_netted() {
    for version in ["1-3:0.2.8(P)", "1-3:0.2.8()", "1-0:99.99.99(0)"] {
        read(
            &[version, "0-0:1.0.0(261107174213W)", "1-0:1.7.0(00.002*kW)", "1-0:2.7.0(00.007*kW)"],
            |_, read| {
                let number = |field| read.reading.number(field).map(|number| number.to_string());
                assert_eq!(number(Field::PowerImport).as_deref(), Some("0.002"));
                assert_eq!(number(Field::PowerExport).as_deref(), Some("0.007"));
                assert_eq!(number(Field::PowerNet), None);
                assert_eq!(read.reading.utc_seconds(), 1_794_069_733);
            },
        );
    }
}

#[test]
fn registers_on_channel_1_stand_in_for_those_that_are_missing() {
    read(&["1-1:1.8.1(000417.044*kWh)", "1-0:1.7.0(00.417*kW)", "1-1:1.7.0(99.999*kW)"], |_, read| {
        let number = |field| read.reading.number(field).map(|number| number.to_string());
        assert_eq!(number(Field::EnergyImportT1).as_deref(), Some("417.044"));
        assert_eq!(number(Field::PowerImport).as_deref(), Some("0.417"));
        assert_eq!(read.duplicates, 0);
    });
}
