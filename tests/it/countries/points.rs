//! What the fixtures say, held by hand: the files beside them were written by the program under test.

use super::{fixture, hold, plainly};

/// A fixture's name, and claims about it.
const POINTS: &[(&str, &str)] = &[
    // Belgium.
    (
        "be-50213-sagemcom-1phase",
        "mbus1.class=gas; mbus1.value=219.006 m3; mbus1.valve=1; mbus1.id=7FLO2121004417; \
      limiter_threshold=999.9 kW; limiter_threshold.off=yes; current_limit_l1=999 A; breaker=1; time=2025-10-20T16:33:15Z",
    ),
    (
        "be-50215-sagemcom-no-peaks-yet",
        "demand_import_max=0.000 kW; demand_import_max.time=-; breaker=2; relay_3=2; \
      relay_4=0; message_text=Hello World; mbus1.present=-",
    ),
    (
        "be-50217-sagemcom-thirteen-months",
        "demand_import_avg_current=1.204 kW; demand_import_max=4.417 kW; \
      demand_import_max.time=2025-10-04T16:15:00Z; demand_peak_history.entries=13; ean=541448820044170310",
    ),
    ("be-50217-sagemcom-ident-byte-0xab", "ident=/FLU5\\xab769484_A; energy_export_t2=3.318 kWh"),
    (
        "be-50221-landis-three-wires",
        "grid_configuration=230; voltage_l2=0.0 V; current_l3=0.40 A; current_limit_l1=40.00 A; \
      limiter_threshold=99.999 kW",
    ),
    (
        "be-50250-landis-e660-month-ends",
        "ident=/LG_E660_Fluvius_3N400V; reactive_power_import=4.020 kvar; \
      demand_import_max=41.700 kW; demand_export_max=0.000 kW; demand_export_max.time=-; p1_version_be=50250; unreadable=0; demand_peak_history.entries=2; month_end_energies.entries=1",
    ),
    (
        "be-wallonia-iskra-3phase-no-version",
        "time=2026-01-15T19:10:09Z; demand_import_max=8.204 kW; \
      demand_import_max.time=2026-01-12T21:30:00Z; energy_import_t5=0.000 kWh; relay_2=1; mbus1.present=-",
    ),
    (
        "be-brussels-sagemcom-version-of-spaces",
        "limiter_threshold=9.200 kVA; current_limit_l1=40.0 A; current_limits=40.0*A,-40.0*A; relay_1=0",
    ),
    // Switzerland, Germany, Denmark, Finland, Sweden.
    (
        "ch-sagemcom-messages-and-failures",
        "energy_import_t1=417.044 kWh; power_import=0.417 kW; message_code=12345678; \
      voltage_swells_l1=2; power_failures=3",
    ),
    (
        "de-d0-easymeter-seven-decimals",
        "proof=absent; energy_import_total=41770.4417205 kWh; power_import=-0.37741 kW; \
      power_import_l3=-0.90102 kW; time=-",
    ),
    ("dk-nes-long-clock", "proof=verified; time=2024-06-19T07:35:20Z; current_l2=2 A"),
    (
        "fi-h1-landis-no-blank-line-no-crc",
        "proof=absent; time=2025-02-14T08:15:40Z; reactive_power_export=0.391 kvar",
    ),
    (
        "se-h1-sagemcom-ellevio",
        "power_import=1.204 kW; power_export_l1=0.318 kW; reactive_energy_export_total=8140.662 kvarh",
    ),
    ("se-h1-kamstrup-no-name", "ident=/KAM5; power_import=2.040 kW"),
    ("se-h1-landis-units-without-star", "power_import=1.204 kW; voltage_l2=229.4 V; unreadable=0"),
    (
        "se-h1-landis-current-transformers",
        "energy_import_total=4417225 kWh; reactive_energy_export_total=17350 kvarh; \
      power_export=0.000 kW; voltage_l1=41170.20 V; current_l1=0.310 A",
    ),
    // Hungary, Israel, Lithuania, Poland, Slovenia.
    (
        "hu-aux-message-of-0xff",
        "power_factor_l1=-0.910; reactive_energy_q4_total=270.906 kvarh; limiter_threshold=90.000 kW; \
      current_limit_l3=200 A; breaker_state=ON; tariff.number=1; month_end.entries=1; message_text=-",
    ),
    ("hu-holley-slash-in-the-name", "ident=/HLY5/D545-METER; breaker_state=OFF; frequency=49.98 Hz"),
    (
        "hu-wasion-plain-identifiers",
        "equipment_id=44170005; tariff=TARIFF 1; tariff.number=1; power_factor=0.000; breaker=1",
    ),
    ("il-kaifa-plain-identifier", "equipment_id=K44171; tariff.number=1; time=2026-01-11T01:34:42Z"),
    (
        "lt-eso-integer-power-factor",
        "power_factor=1000; power_factor_min=871; frequency=50 Hz; current_avg_l1=4 A; \
      current_limit_l1=-; demand_net_avg_period=-0.073 kW; voltage_avg_l1=231 V; time=2024-07-14T07:18:55Z",
    ),
    ("pl-kaifa-objects-repeated", "limiter_threshold=0 kW; message_text=Moien; power_import=0.402 kW"),
    (
        "pl-elgama-limiter-without-unit",
        "limiter_threshold=16500; time=2026-03-03T10:04:12Z; equipment_id=3134<masked>",
    ),
    ("si-iskra-am550", "proof=absent; time=2025-07-15T06:30:15Z; voltage_l1=234.6 V; current_l1=2.0 A"),
    // The Netherlands before DSMR 4.
    (
        "nl-2.2-landis-gas",
        "proof=absent; time=-; mbus1.value=441.703 m3; mbus1.valve=2; mbus1.time=2012-10-18T10:00:00Z",
    ),
    (
        "nl-2.2-iskra-four-channels-in-disorder",
        "mbus1.class=gas; mbus2.class=water; mbus2.value=31.440 m3; mbus3.class=heat; \
      mbus3.value=-; mbus4.class=electricity; mbus4.value=-; message_text=test-/-text",
    ),
    ("nl-3.0-iskra-cold", "limiter_threshold=25 A; mbus1.class=cooling; mbus1.value=31.20 GJ"),
    // The Netherlands since.
    (
        "nl-4.0-iskra-valve-and-breaker",
        "limiter_threshold=16.1 kW; breaker=2; mbus2.valve=0; mbus2.value=441.70 m3; \
      message_text=Hallo; message_code=12345678",
    ),
    ("nl-4.2-landis-crc-in-small-letters", "proof=verified; energy_import_t1=4417.031 kWh"),
    ("nl-4.2-obis-with-f", "power_import=0.528 kW; voltage_l1=231.1 V; mbus1.value=2118.540 m3"),
    ("nl-5.0-landis-gas-of-two-decimals", "mbus1.value=4417.16 m3; voltage_sags_l1=1"),
    (
        "nl-5.0-sagemcom-ten-failures",
        "mbus1.present=yes; mbus1.value=-; mbus1.time=-; long_power_failures=10; power_failure_log.entries=10",
    ),
    (
        "nl-5.0-iskra-heat-cold-and-waters",
        "mbus1.class=gas; mbus2.class=warm_water; mbus2.value=31.204 m3; mbus3.class=heat; \
      mbus3.value=44.17 GJ; mbus4.class=cooling; mbus4.value=3.31 GJ",
    ),
    (
        "nl-5.0-iskra-water-and-valve",
        "mbus1.valve=0; mbus2.valve=2; mbus2.value=120.044 m3; mbus3.class=warm_water; mbus4.class=water; \
      mbus4.value=-",
    ),
    (
        "nl-5.0-iskra-electricity-sub-meter",
        "mbus1.class=electricity; mbus1.value=1204.417 kWh; mbus2.type=8; mbus3.present=yes; \
      mbus3.value=-; mbus4.value=-",
    ),
    (
        "nl-5.0-landis-weheat-second-channel",
        "energy_import_total=1204.417 kWh; power_import=1.812 kW; current_l1=7.9 A",
    ),
    (
        "nl-5.0-metcom-cosem-clock",
        "time=2026-08-11T06:21:25Z; tariff=5431; tariff.number=1; current_l1=-; current_l2=-; current_l3=0.000 A",
    ),
    (
        "nl-5.0-units-in-small-letters",
        "energy_export_t1=123456.789 kWh; mbus1.value=1.278 GJ; mbus2.value=12.7851 m3",
    ),
    (
        "nl-5.0-crooked-identifiers",
        "equipment_id=45303030333; mbus1.id=****; mbus2.id=GZ04417; mbus3.id=4aff",
    ),
    (
        "nl-5.0-values-that-are-none",
        "time=-; energy_import_t1=-; energy_import_t2=-; energy_export_t1=2.118 kWh; \
      power_import=0.000 kW; power_export=-; power_import_l1=0.417; power_export_l1=0.000 kW; current_l1=256 A; unrecognised=4; power_failure_log.entries=2",
    ),
    ("nl-5.0-value-broken-over-lines", "energy_import_t1=4417.031 kWh; mbus1.value=441.703 m3"),
    ("nl-5.0-nothing-in-it", "proof=verified; objects=0"),
    ("nl-5.0-exclamation-mark-in-the-name", "ident=/ISK5!M550T!1012; message_text=Save! 10% /day"),
    ("nl-5.0-clock-never-set", "time=-; power_import=0.417 kW"),
    ("nl-heat-crc-of-three-digits", "proof=verified; mbus1.class=heat"),
    (
        "nl-heat-myrsky-flow-and-temperature",
        "mbus1.value=44.170 GJ; mbus2.value=41.7702 m3; equipment_id=plain-44170",
    ),
];

#[test]
fn each_fixture_says_what_is_held_by_hand() {
    for (name, claims) in POINTS {
        let said = plainly(&fixture(&format!("{name}.txt")));
        assert_eq!((said.telegrams.len(), said.rejected.len()), (1, 0), "{name}");
        hold(name, &said.telegrams[0], claims);
    }
}

/// A stream's name, what is refused of it, and the power of each telegram that is delivered.
#[test]
fn each_stream_gives_its_telegrams() {
    let streams: &[(&str, &[&str], usize)] = &[
        ("merged-without-a-line-end", &[], 3),
        ("telnet-negotiation", &[], 3),
        ("padding-of-zeros", &[], 3),
        ("line-without-end", &["Oversize"], 3),
        ("logger-prefix-within", &["Crc"], 1),
        ("dlms-in-hdlc-frames", &[], 1),
        ("clock-jumps-ahead", &[], 3),
        ("meter-exchanged", &[], 2),
        ("seven-bits-as-eight-twice", &[], 0),
    ];
    for &(name, rejected, delivered) in streams {
        let said = plainly(&fixture(&format!("streams/{name}.txt")));
        assert_eq!(said.telegrams.len(), delivered, "{name}: {said:#?}");
        assert_eq!(said.rejected, rejected, "{name}");
        for facts in &said.telegrams {
            hold(name, facts, "proof=verified; power_import=0.417 kW");
        }
    }
}

/// A telegram that was cut within a line costs no other, not even the one right behind it.
#[test]
fn a_cut_costs_no_other_telegram() {
    let said = plainly(&fixture("streams/cut-mid-line-next-right-behind.txt"));
    let times: Vec<&str> = said.telegrams.iter().map(|facts| facts["time"].as_str()).collect();
    let (first, second) = ("2026-02-12T07:15:01Z", "2026-02-12T07:15:02Z");
    assert_eq!(times, [first, second, first, second]);
    assert!(said.telegrams.iter().all(|facts| facts["proof"] == "verified"));
}
