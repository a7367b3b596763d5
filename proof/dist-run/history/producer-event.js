export {}
//# sourceMappingURL=producer-event.js.map
