//! The country that is set, beside the one that the meter's telegrams tell.

use super::*;
use crate::meter::Country;

const DUTCH: &[u8] = include_bytes!("../../../../fixtures/nl-5.0-iskra-3phase-gas.txt");

#[tokio::test(start_paused = true)]
async fn a_country_that_is_not_the_meters_is_told_once() {
    for (country, told) in [(Country::Belgium, 1), (Country::Netherlands, 0)] {
        let log = Log::default();
        let _guard = log.listen();
        let settings = SourceSettings { country: Some(country), ..serial(Line::Auto) };
        let mut rig = Rig::start(settings);
        for _ in 0..30 {
            rig.pass(Duration::from_secs(1)).await;
            rig.cable.send(DUTCH);
        }
        rig.pass(Duration::from_millis(10)).await;
        let (readings, ..) = rig.delivered();
        assert!(readings.len() == 30 && readings.iter().all(|reading| reading.country == Some(country)));
        assert_eq!(log.count("the country configured is not the meter's"), told, "{}", log.text());
        rig.end().await;
    }
}
