export {}
//# sourceMappingURL=producer.d.ts.map
