import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

import svelteConfig from './svelte.config.js';

export default ts.config(
  { ignores: ['node_modules/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      // The compiler knows the names.
      'no-undef': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // What is untrusted would run: `setHTML` of `lib/text/html.ts` is the one place.
      'svelte/no-at-html-tags': 'error',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Use lib/text/html.ts, which sanitizes.' },
        { property: 'outerHTML', message: 'Use lib/text/html.ts, which sanitizes.' },
        { property: 'insertAdjacentHTML', message: 'Use lib/text/html.ts, which sanitizes.' },
      ],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { extraFileExtensions: ['.svelte'], parser: ts.parser, svelteConfig },
    },
    rules: {
      // Our router is not SvelteKit's.
      'svelte/no-navigation-without-resolve': 'off',
      // Maps within a function are not state.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  { files: ['scripts/**', 'dev/**'], rules: { 'no-console': 'off' } },
);
