/** How @swc/core compiles our sources, beside the kind of modules. */
export const compilation = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: false },
  },
  sourceMaps: 'inline',
};
