//! The registers of energy that everything is added up from: what was taken and what was given, both in kWh.

use super::register::Field;

/// What was taken: by tariff.
pub const IMPORT_TARIFFS: [Field; 8] = [
    Field::EnergyImportT1,
    Field::EnergyImportT2,
    Field::EnergyImportT3,
    Field::EnergyImportT4,
    Field::EnergyImportT5,
    Field::EnergyImportT11,
    Field::EnergyImportT12,
    Field::EnergyImportT13,
];

/// What was given: by tariff.
pub const EXPORT_TARIFFS: [Field; 8] = [
    Field::EnergyExportT1,
    Field::EnergyExportT2,
    Field::EnergyExportT3,
    Field::EnergyExportT4,
    Field::EnergyExportT5,
    Field::EnergyExportT11,
    Field::EnergyExportT12,
    Field::EnergyExportT13,
];

/// Every register, each total before its tariffs.
pub fn registers() -> impl Iterator<Item = Field> {
    let import = std::iter::once(Field::EnergyImportTotal).chain(IMPORT_TARIFFS);
    import.chain(std::iter::once(Field::EnergyExportTotal)).chain(EXPORT_TARIFFS)
}
