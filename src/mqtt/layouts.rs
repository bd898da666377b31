//! The layouts of a broker's settings, as what the driver renders with.

use std::sync::Arc;

use super::settings::{BrokerSettings, PriceTopic};
use super::task::Render;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::publish::{Context, Layout, LayoutError, Message};
use crate::telemetry::StoreHealth;
use crate::totals::Totals;

/// Tells how many telegrams of a meter were rejected since the start; DSMR-reader's layout publishes it.
pub type Rejected = Arc<dyn Fn(&MeterId) -> u64 + Send + Sync>;

/// Takes what a broker published on a topic with prices.
pub type PricesHeard = Arc<dyn Fn(&PriceTopic, &[u8]) + Send + Sync>;

/// What a driver asks and tells beyond its broker.
#[derive(Clone)]
pub struct Hooks {
    /// See [`Rejected`].
    pub rejected: Rejected,
    /// See [`PricesHeard`].
    pub prices: PricesHeard,
}

impl Hooks {
    /// Nothing was rejected, prices go nowhere.
    pub fn none() -> Self {
        Self { rejected: Arc::new(|_| 0), prices: Arc::new(|_, _| ()) }
    }
}

/// All layouts of one broker.
pub(super) struct Layouts {
    layouts: Vec<Layout>,
    prices: Option<PriceTopic>,
    hooks: Hooks,
}

impl Layouts {
    /// Builds them.
    pub(super) fn new(settings: &BrokerSettings, hooks: Hooks) -> Result<Self, LayoutError> {
        let layouts = settings.layouts.iter().map(Layout::new).collect::<Result<_, _>>()?;
        Ok(Self { layouts, prices: settings.prices.clone(), hooks })
    }
}

impl Render for Layouts {
    fn reading(
        &mut self,
        meter: &MeterId,
        reading: &Reading,
        totals: Option<&Totals>,
        out: &mut Vec<Message>,
    ) {
        let context = Context { meter: &meter.name, rejected: (self.hooks.rejected)(meter), totals };
        for layout in &mut self.layouts {
            layout.messages(context, reading, out);
        }
    }

    fn link(&mut self, meter: &MeterId, online: bool, out: &mut Vec<Message>) {
        for layout in &mut self.layouts {
            layout.link(&meter.name, online, out);
        }
    }

    fn store(&mut self, health: &StoreHealth, out: &mut Vec<Message>) {
        for layout in &mut self.layouts {
            layout.store(health, out);
        }
    }

    fn subscriptions(&self) -> Vec<String> {
        let prices = self.prices.iter().map(|prices| prices.topic.clone());
        prices.chain(self.layouts.iter().flat_map(Layout::subscriptions)).collect()
    }

    fn heard(&mut self, topic: &str, payload: &[u8], retained: bool, out: &mut Vec<Message>) {
        if let Some(prices) = self.prices.as_ref().filter(|prices| prices.topic == topic) {
            (self.hooks.prices)(prices, payload);
        }
        for layout in &mut self.layouts {
            layout.heard(topic, payload, retained, out);
        }
    }
}
