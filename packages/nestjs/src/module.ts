import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common'
import type { ConfigurableModuleAsyncOptions, ConfigurableModuleCls } from '@nestjs/common'
import { DiscoveryModule, DiscoveryService, MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core'
import { MillraceHealthIndicator } from './health.ts'
import { ModuleMemo } from './memo.ts'
import { MillraceRunner, type RunnerDependencies } from './runner.ts'
import { type MillraceModuleOptions, openInstance, type OpenedInstance } from './settings.ts'
import { DEFAULT_INSTANCE, getQueueToken, getRunnerToken } from './tokens.ts'

/** What a module is called and who sees it: given beside the options, also in `forRootAsync`, since Nest asks before it runs a factory. */
export interface MillraceModuleExtras {
  /** For applications with several instances: the name that `@InjectQueue(name)` and `@JobHandler(type, { instance })` use. */
  readonly name?: string | undefined
  /** Whether the queue can be injected in every module. Default `true`. */
  readonly isGlobal?: boolean | undefined
}

/** What `MillraceModule.forRootAsync` takes. */
export type MillraceModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  MillraceModuleOptions,
  'createMillraceOptions'
> &
  MillraceModuleExtras

const OPENED = Symbol('millrace:opened')
const DEPENDENCIES = Symbol('millrace:dependencies')

const host = new ConfigurableModuleBuilder<MillraceModuleOptions>({ moduleName: 'Millrace' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createMillraceOptions')
  .setExtras<MillraceModuleExtras>({ name: DEFAULT_INSTANCE, isGlobal: true }, (definition, { name, isGlobal }) =>
    complete(definition, name ?? DEFAULT_INSTANCE, isGlobal ?? true),
  )
  .build()

const ConfigurableModule: ConfigurableModuleCls<
  MillraceModuleOptions,
  'forRoot',
  'createMillraceOptions',
  MillraceModuleExtras
> = host.ConfigurableModuleClass

/**
 * Millrace in a Nest application: `imports: [MillraceModule.forRoot({ databaseConfig: { connectionString } })]`, once, in the root
 * module. The same options given again are the same module; different ones of the same name are refused when the application starts.
 */
@Module({})
export class MillraceModule extends ConfigurableModule {
  private static readonly memo = new ModuleMemo<unknown>()

  static override forRoot(options: MillraceModuleOptions & MillraceModuleExtras): DynamicModule {
    return MillraceModule.memo.get(options.name ?? DEFAULT_INSTANCE, options, () => super.forRoot(options))
  }

  static override forRootAsync(options: MillraceModuleAsyncOptions): DynamicModule {
    return MillraceModule.memo.get(options.name ?? DEFAULT_INSTANCE, options, () => super.forRootAsync(options))
  }
}

function complete(definition: DynamicModule, name: string, global: boolean): DynamicModule {
  return {
    ...definition,
    global,
    imports: [...(definition.imports ?? []), DiscoveryModule],
    providers: [
      ...(definition.providers ?? []),
      { provide: OPENED, useFactory: openInstance, inject: [host.MODULE_OPTIONS_TOKEN] },
      { provide: getQueueToken(name), useFactory: ({ queue }: OpenedInstance) => queue, inject: [OPENED] },
      {
        provide: DEPENDENCIES,
        useFactory: dependencies,
        inject: [DiscoveryService, MetadataScanner, ModuleRef, ModulesContainer],
      },
      {
        provide: getRunnerToken(name),
        useFactory: (instance: OpenedInstance, given: RunnerDependencies) => new MillraceRunner(name, instance, given),
        inject: [OPENED, DEPENDENCIES],
      },
      {
        provide: MillraceHealthIndicator,
        useFactory: (moduleRef: ModuleRef) => new MillraceHealthIndicator(moduleRef),
        inject: [ModuleRef],
      },
    ],
    exports: [getQueueToken(name), getRunnerToken(name), MillraceHealthIndicator],
  }
}

function dependencies(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  moduleRef: ModuleRef,
  modules: ModulesContainer,
): RunnerDependencies {
  return { discovery, scanner, moduleRef, modules }
}
