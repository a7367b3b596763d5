/** @type {import('next').NextConfig} */
export default {
  // Node modules that a bundle would break: they find files beside themselves.
  serverExternalPackages: ['millrace', '@millrace/next', 'pg'],
}
