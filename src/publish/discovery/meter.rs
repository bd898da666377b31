//! The topics of one meter, and the documents they make.

use std::sync::Arc;

use super::describe::{self, Facts};
use super::document::{self, Common, Component, Device};
use super::entity::{Entity, Platform, State};
use super::{ids, maker};
use crate::meter::reading::{latin1, readable};
use crate::meter::{Field, MbusClass, MbusDevice, Reading, Unit, UnixMillis};
use crate::publish::topic::level;
use crate::publish::{Message, PayloadFormat};

/// The device of a class that has the class's plain name.
pub(crate) type Plain = fn(&Reading, Option<MbusClass>) -> Option<&MbusDevice>;

/// How long an entity stays when its topic is cleared: those of a running quarter-hour are cleared as it ends and come
/// back a few telegrams later, and Home Assistant would forget and learn them each time.
const LEAVING_MILLIS: UnixMillis = 30_000;

/// Whose a topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Meter,
    /// The device on the M-Bus with the plain name of its class.
    Plain(Option<MbusClass>),
    /// The one of this level.
    Own(Option<MbusClass>, String),
}

/// A topic that was said.
#[derive(Debug)]
struct Known {
    topic: Arc<str>,
    /// Where its levels below the meter's begin.
    name: usize,
    owner: Owner,
    /// Whether it shows something, or did a moment ago.
    live: bool,
    /// When it was cleared, if it was.
    leaving: Option<UnixMillis>,
    /// Whether the meter that it was said of is another now.
    doubtful: bool,
    entity: Option<Entity>,
}

/// A document that is to be published.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) object_id: String,
    device: Device,
    components: Vec<Component<'a>>,
}

/// One meter.
#[derive(Debug)]
pub(super) struct Meter {
    /// Its name in the configuration.
    pub(super) name: String,
    /// `<prefix>/<meter>`.
    pub(super) base: String,
    format: PayloadFormat,
    known: Vec<Known>,
    equipment: Option<Box<[u8]>>,
    maker: Option<(Option<&'static str>, String)>,
    version: Option<Box<[u8]>>,
    /// Of each class the identifier of the device with its plain name.
    plain: Vec<(Option<MbusClass>, Box<[u8]>)>,
    currency: Option<Arc<str>>,
}

fn class_name(class: Option<MbusClass>) -> &'static str {
    class.map_or("mbus", MbusClass::name)
}

/// Whose a topic is, by its levels below the meter's.
fn owner(name: &str) -> Owner {
    let mut levels = name.split('/');
    let (head, own, more) = (levels.next().unwrap_or_default(), levels.next(), levels.next());
    let class = describe::class(head);
    match (own, more) {
        (Some(_), None) if class.is_some() || head == "mbus" => Owner::Plain(class),
        (Some(own), Some(_)) if class.is_some() || head == "mbus" => Owner::Own(class, own.to_owned()),
        _ => Owner::Meter,
    }
}

impl Meter {
    pub(super) fn new(name: &str, base: String, format: PayloadFormat) -> Self {
        Self {
            name: name.to_owned(),
            base,
            format,
            known: Vec::new(),
            equipment: None,
            maker: None,
            version: None,
            plain: Vec::new(),
            currency: None,
        }
    }

    /// Takes what was said of a reading. True when the documents may be others for it.
    pub(super) fn take(
        &mut self,
        reading: &Reading,
        totals: Option<&crate::totals::Totals>,
        plain: Plain,
        said: &[Message],
    ) -> bool {
        let mut changed = self.identify(reading, plain);
        if let Some(totals) = totals
            && self.currency.as_ref() != Some(&totals.currency)
        {
            self.currency = Some(Arc::clone(&totals.currency));
            self.known.iter_mut().for_each(|known| known.doubtful = true);
        }
        let facts = Facts { reading, totals, has_text: self.format != PayloadFormat::ValueTimestamp };
        let mut expected = 0;
        for message in said {
            let Some(place) = self.find(expected, message) else { continue };
            expected = place + 1;
            let known = &mut self.known[place];
            if message.payload.is_empty() {
                // What another meter said does not stay for a moment.
                let since = if known.doubtful { UnixMillis::MIN } else { reading.received_at };
                known.leaving = known.live.then_some(known.leaving.unwrap_or(since));
                continue;
            }
            known.leaving = None;
            if known.live && !known.doubtful {
                continue;
            }
            let entity = describe(known, &message.payload, facts);
            changed |= entity.is_some() || known.entity.is_some();
            (known.live, known.doubtful, known.entity) = (true, false, entity);
        }
        for known in &mut self.known {
            let Some(since) = known.leaving else { continue };
            if reading.received_at.abs_diff(since) >= LEAVING_MILLIS.unsigned_abs() {
                (known.live, known.leaving) = (false, None);
                changed |= known.entity.is_some();
            }
        }
        changed
    }

    /// The place of a topic: telegram by telegram they come in the same order.
    fn find(&mut self, expected: usize, message: &Message) -> Option<usize> {
        let same = |known: &Known| Arc::ptr_eq(&known.topic, &message.topic);
        if self.known.get(expected).is_some_and(same) {
            return Some(expected);
        }
        let found = self.known.iter().position(same);
        let found = found.or_else(|| self.known.iter().position(|known| known.topic == message.topic));
        if let Some(place) = found {
            self.known[place].topic = Arc::clone(&message.topic);
            return Some(place);
        }
        let name = message.topic.strip_prefix(&*self.base)?.strip_prefix('/')?;
        let start = message.topic.len() - name.len();
        let owner = owner(name);
        self.known.push(Known {
            topic: Arc::clone(&message.topic),
            name: start,
            owner,
            live: false,
            leaving: None,
            doubtful: false,
            entity: None,
        });
        Some(self.known.len() - 1)
    }

    /// Takes what tells the meter and its devices from others. True when it is another.
    fn identify(&mut self, reading: &Reading, plain: Plain) -> bool {
        let mut changed = false;
        if let Some(id) = reading.equipment_id_raw()
            && self.equipment.as_deref() != Some(id)
        {
            if self.equipment.is_some() {
                self.known.iter_mut().for_each(|known| known.doubtful = true);
                (self.maker, self.version) = (None, None);
                self.plain.clear();
            }
            self.equipment = Some(id.into());
            changed = true;
        }
        if self.maker.is_none()
            && let Some(maker) = reading.raw.as_deref().and_then(maker::of)
        {
            self.maker = Some(maker);
            changed = true;
        }
        let version = reading.text(Field::P1Version).or_else(|| reading.text(Field::P1VersionBe));
        if version.is_some() && self.version.as_deref() != version {
            self.version = version.map(Into::into);
            changed = true;
        }
        for (i, device) in reading.mbus.iter().enumerate() {
            let class = device.class();
            // Each class once, at its first device.
            if reading.mbus[..i].iter().any(|earlier| earlier.class() == class) {
                continue;
            }
            let shown = plain(reading, class).unwrap_or(device);
            let Some(id) = shown.id.as_deref().filter(|id| !id.is_empty()) else { continue };
            match self.plain.iter_mut().find(|(of, _)| *of == class) {
                Some((_, known)) if **known == *id => {}
                Some((_, known)) => {
                    *known = id.into();
                    let of_it = self.known.iter_mut().filter(|known| known.owner == Owner::Plain(class));
                    of_it.for_each(|known| known.doubtful = true);
                    changed = true;
                }
                None => {
                    self.plain.push((class, id.into()));
                    changed = true;
                }
            }
        }
        changed
    }

    /// Whether one of these topics is that of an entity of ours.
    pub(super) fn shows(&self, topics: &[String]) -> bool {
        self.live().any(|known| topics.iter().any(|topic| **topic == *known.topic))
    }

    fn live(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().filter(|known| known.live && known.entity.is_some())
    }

    /// The documents, the meter's own first. `is_taken` tells identifiers that are another meter's.
    pub(super) fn drafts(&self, is_taken: impl Fn(&str) -> bool) -> Vec<Draft<'_>> {
        let own = |object_id: String| {
            if is_taken(&object_id) { format!("{object_id}-{}", ids::id(&self.name)) } else { object_id }
        };
        let serial = self.equipment.as_deref().map(readable);
        let object_id = own(ids::id(serial.as_deref().unwrap_or(&self.name)));
        let uid = uid(&object_id);
        let mut drafts = Vec::new();
        let (manufacturer, model) = self.maker.clone().unzip();
        drafts.push(Draft {
            device: Device {
                uid: uid.clone(),
                name: ids::title(&self.name),
                manufacturer: manufacturer.flatten().map(str::to_owned),
                model,
                serial_number: serial,
                sw_version: self.version.as_deref().map(|version| format!("P1 {}", latin1(version).trim())),
                via: None,
            },
            components: self.components(&Owner::Meter, ""),
            object_id: object_id.clone(),
        });
        for owner in self.owners() {
            let (class, id) = match owner {
                Owner::Meter => continue,
                Owner::Own(class, level) if level.starts_with("channel-") => (*class, Err(level.clone())),
                Owner::Own(class, level) => (*class, Ok(level.clone())),
                Owner::Plain(class) => {
                    let known = self.plain.iter().find(|(of, _)| of == class);
                    (*class, known.map(|(_, id)| level(&readable(id))).ok_or_else(String::new))
                }
            };
            let word = class_name(class);
            let device_id = match &id {
                Ok(id) => own(format!("{word}_{}", ids::id(id))),
                // It has no identifier of its own.
                Err(level) if level.is_empty() => format!("{object_id}_{word}"),
                Err(level) => format!("{object_id}_{word}_{}", ids::id(level)),
            };
            let label =
                class.map_or_else(|| "M-Bus".to_owned(), |class| describe::class_label(class).to_lowercase());
            let several = matches!(owner, Owner::Own(..));
            let level = match owner {
                Owner::Own(_, level) => level.as_str(),
                _ => "",
            };
            let name = format!("{} {label} {level}", ids::title(&self.name));
            let slug = if several { format!("{word}_{level}_") } else { format!("{word}_") };
            drafts.push(Draft {
                device: Device {
                    uid: self::uid(&device_id),
                    name: name.trim().to_owned(),
                    serial_number: id.ok(),
                    via: Some(uid.clone()),
                    ..Device::default()
                },
                components: self.components(owner, &slug),
                object_id: device_id,
            });
        }
        drafts.retain(|draft| !draft.components.is_empty());
        drafts
    }

    /// Whose topics are shown, each once. Of a class whose devices have topics of their own those are shown alone.
    fn owners(&self) -> Vec<&Owner> {
        let mut owners: Vec<&Owner> = Vec::new();
        for known in self.live() {
            let among_own = match known.owner {
                Owner::Plain(class) => {
                    self.live().any(|other| matches!(other.owner, Owner::Own(of, _) if of == class))
                }
                _ => false,
            };
            if !among_own && !owners.contains(&&known.owner) {
                owners.push(&known.owner);
            }
        }
        owners
    }

    fn components(&self, owner: &Owner, slug: &str) -> Vec<Component<'_>> {
        let mut components: Vec<Component<'_>> = self
            .live()
            .filter(|known| known.owner == *owner)
            .filter_map(|known| {
                let name = &known.topic[known.name..];
                let key = match owner {
                    Owner::Meter => name.replace('/', "_"),
                    _ => leaf(name).to_owned(),
                };
                let slug = ids::slug(&format!("{} {slug}{key}", self.name));
                let entity = known.entity.as_ref()?;
                // In that format one text is there, and as it is.
                let bare = self.format == PayloadFormat::ValueTimestamp && name == "proof";
                Some(Component { key, slug, entity, topic: &known.topic, bare })
            })
            .collect();
        // The order in which topics came up is not that of the next run.
        components.sort_by(|one, other| one.key.cmp(&other.key));
        components
    }
}

fn uid(object_id: &str) -> String {
    format!("dsmrd_{object_id}")
}

fn leaf(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn describe(known: &Known, payload: &[u8], facts: Facts<'_>) -> Option<Entity> {
    let name = &known.topic[known.name..];
    let entity = match &known.owner {
        Owner::Meter => describe::of_meter(name, payload, facts),
        Owner::Plain(class) => {
            describe::of_device(*class, device_unit(*class, None, facts.reading), leaf(name), payload)
        }
        Owner::Own(class, own) => {
            describe::of_device(*class, device_unit(*class, Some(own), facts.reading), leaf(name), payload)
        }
    }?;
    // Of the period's JSON nothing is there to read.
    debug_assert!(facts.has_text || !matches!(entity.state, State::Cost(_)));
    Some(entity)
}

/// The unit of a device's reading.
fn device_unit(class: Option<MbusClass>, own: Option<&str>, reading: &Reading) -> Unit {
    let is_it = |device: &&MbusDevice| {
        device.class() == class
            && own.is_none_or(|own| {
                device.id.as_deref().is_some_and(|id| level(&readable(id)) == *own)
                    || format!("channel-{}", device.channel) == *own
            })
    };
    let mut devices = reading.mbus.iter().filter(is_it);
    devices.find_map(|device| device.newest()?.value).map_or(Unit::One, |quantity| quantity.unit)
}

impl Draft<'_> {
    /// The entities by key and kind.
    pub(super) fn parts(&self) -> Vec<(String, Platform)> {
        self.components.iter().map(|part| (part.key.clone(), part.entity.platform)).collect()
    }

    /// Its text.
    pub(super) fn write(&self, common: Common<'_>, gone: &[(String, Platform)]) -> bytes::Bytes {
        document::write(common, &self.device, &self.components, gone)
    }
}
