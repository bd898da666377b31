//! Home Assistant: discovery documents, what is removed, and a real Home Assistant where there is one.
