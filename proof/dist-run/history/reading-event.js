export {}
//# sourceMappingURL=reading-event.js.map
