// Jest does not look for .mjs by itself, and would compile modules to CommonJS.
export default { testMatch: ['**/*.test.mjs'], transform: {} }
