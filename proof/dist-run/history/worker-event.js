export {}
//# sourceMappingURL=worker-event.js.map
