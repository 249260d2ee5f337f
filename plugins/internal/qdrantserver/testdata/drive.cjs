// Drives a server that speaks Qdrant's gRPC protocol through Qdrant's own
// JavaScript client, and prints one line for each thing it checked.
//
//   node drive.cjs FOLDER_WITH_NODE_MODULES PORT API_KEY

const assert = require('node:assert/strict');
const path = require('node:path');
const {createRequire} = require('node:module');

const [folder, port, apiKey] = process.argv.slice(2);
const {QdrantClient} = createRequire(path.join(folder, 'package.json'))('@qdrant/js-client-grpc');
const {Code} = createRequire(path.join(folder, 'package.json'))('@connectrpc/connect');

const connect = (key) => new QdrantClient({host: '127.0.0.1', port: Number(port), apiKey: key, https: false, timeout: 20000});
const client = connect(apiKey);
const collections = client.api('collections');
const points = client.api('points');
const collectionName = 'from-javascript';

// How the client spells the protocol's oneofs.
const num = (n) => ({pointIdOptions: {case: 'num', value: BigInt(n)}});
const uuid = (s) => ({pointIdOptions: {case: 'uuid', value: s}});
const idOf = (p) => String(p.id.pointIdOptions.value);
const str = (s) => ({kind: {case: 'stringValue', value: s}});
const int = (n) => ({kind: {case: 'integerValue', value: BigInt(n)}});
const dbl = (x) => ({kind: {case: 'doubleValue', value: x}});
const bool = (b) => ({kind: {case: 'boolValue', value: b}});
const vector = (...data) => ({vectorsOptions: {case: 'vector', value: {vector: {case: 'dense', value: {data}}}}});
const nearest = (...data) => ({variant: {case: 'nearest', value: {variant: {case: 'dense', value: {data}}}}});
const field = (condition) => ({conditionOneOf: {case: 'field', value: condition}});
const keyword = (key, value) => field({key, match: {matchValue: {case: 'keyword', value}}});
const enable = {selectorOptions: {case: 'enable', value: true}};

async function refuses(code, pattern, call) {
    await assert.rejects(call, (err) => {
        assert.equal(err.code, code, `${err.message}: code ${Code[err.code]}, want ${Code[code]}`);
        assert.match(err.message, pattern);
        return true;
    });
}

const one = '550e8400-e29b-41d4-a716-446655440000';

const checks = {
    async health() {
        const reply = await client.api('service').healthCheck({});
        assert.equal(reply.title, 'harness reference');
        assert.match(reply.version, /^1\.17\./);
    },
    async create() {
        const params = {size: 4n, distance: 3 /* Dot */};
        const reply = await collections.create({collectionName, vectorsConfig: {config: {case: 'params', value: params}}});
        assert.equal(reply.result, true);
        assert.deepEqual((await collections.list({})).collections.map((c) => c.name), [collectionName]);
        await refuses(Code.AlreadyExists, /already exists/, collections.create({collectionName, vectorsConfig: {config: {case: 'params', value: params}}}));
    },
    async exists() {
        assert.equal((await collections.collectionExists({collectionName})).result.exists, true);
        assert.equal((await collections.collectionExists({collectionName: 'other'})).result.exists, false);
    },
    async upsert() {
        const reply = await points.upsert({collectionName, wait: true, points: [
            {id: num(1), vectors: vector(1, 0, 0, 0), payload: {city: str('Berlin'), size: int(10), open: bool(true)}},
            {id: num(2), vectors: vector(0, 1, 0, 0), payload: {city: str('London'), size: int(20), open: bool(false)}},
            {id: num(3), vectors: vector(0.9, 0.1, 0, 0), payload: {city: str('Berlin'), size: dbl(30.5)}},
            {id: uuid(one), vectors: vector(0, 0, 1, 0), payload: {city: str('Moscow')}},
        ]});
        assert.equal(reply.result.status, 2 /* Completed */);
    },
    async info() {
        const {result} = await collections.get({collectionName});
        assert.equal(result.pointsCount, 4n);
        assert.ok(result.status === 1 || result.status === 2, 'green or yellow');
        assert.equal(result.config.params.vectorsConfig.config.value.size, 4n);
    },
    async query() {
        const {result} = await points.query({collectionName, query: nearest(1, 0.2, 0, 0), limit: 2n, withPayload: enable, withVectors: enable, params: {hnswEf: 64n}});
        assert.deepEqual(result.map(idOf), ['1', '3']);
        assert.ok(Math.abs(result[0].score - 1) < 1e-6);
        assert.equal(result[0].payload.city.kind.value, 'Berlin');
        assert.deepEqual(result[0].vectors.vectorsOptions.value.vector.value.data, [1, 0, 0, 0]);
        const byId = await points.query({collectionName, query: {variant: {case: 'nearest', value: {variant: {case: 'id', value: num(1)}}}}, limit: 1n});
        assert.deepEqual(byId.result.map(idOf), ['3']);
    },
    async 'query batch'() {
        const {result} = await points.queryBatch({collectionName, queryPoints: [
            {collectionName, query: nearest(0, 1, 0, 0), limit: 1n},
            {collectionName, query: nearest(0, 0, 1, 0), limit: 1n, params: {exact: true}},
        ]});
        assert.deepEqual(result.map((r) => r.result.map(idOf)), [['2'], [one]]);
    },
    async 'field index'() {
        await points.createFieldIndex({collectionName, wait: true, fieldName: 'city', fieldType: 0 /* keyword */});
        const {result} = await collections.get({collectionName});
        assert.equal(result.payloadSchema.city.points, 4n);
    },
    async filter() {
        const ask = async (filter) => (await points.query({collectionName, query: nearest(1, 1, 1, 1), filter, limit: 10n})).result.map(idOf).sort();
        assert.deepEqual(await ask({must: [keyword('city', 'Berlin')]}), ['1', '3']);
        assert.deepEqual(await ask({mustNot: [keyword('city', 'Berlin')]}), ['2', one]);
        assert.deepEqual(await ask({should: [keyword('city', 'London'), keyword('city', 'Moscow')]}), ['2', one]);
        assert.deepEqual(await ask({must: [field({key: 'size', range: {gte: 20}})]}), ['2', '3']);
        assert.deepEqual(await ask({must: [field({key: 'open', match: {matchValue: {case: 'boolean', value: true}}})]}), ['1']);
        assert.deepEqual(await ask({must: [field({key: 'size', match: {matchValue: {case: 'integer', value: 20n}}})]}), ['2']);
        assert.deepEqual(await ask({must: [{conditionOneOf: {case: 'hasId', value: {hasId: [num(3), uuid(one)]}}}]}), ['3', one]);
    },
    async scroll() {
        const first = await points.scroll({collectionName, limit: 3});
        assert.deepEqual(first.result.map(idOf), ['1', '2', '3']);
        const second = await points.scroll({collectionName, limit: 3, offset: first.nextPageOffset});
        assert.deepEqual(second.result.map(idOf), [one]);
        assert.equal(second.nextPageOffset, undefined);
    },
    async get() {
        const {result} = await points.get({collectionName, ids: [uuid(one), num(99)], withPayload: enable});
        assert.deepEqual(result.map(idOf), [one]);
        assert.equal(result[0].payload.city.kind.value, 'Moscow');
    },
    async count() {
        assert.equal((await points.count({collectionName, exact: true})).result.count, 4n);
        assert.equal((await points.count({collectionName, filter: {must: [keyword('city', 'Berlin')]}})).result.count, 2n);
    },
    async delete() {
        const byIds = {pointsSelectorOneOf: {case: 'points', value: {ids: [num(1)]}}};
        await points.delete({collectionName, wait: true, points: byIds});
        const byFilter = {pointsSelectorOneOf: {case: 'filter', value: {must: [keyword('city', 'London')]}}};
        await points.delete({collectionName, wait: true, points: byFilter});
        assert.equal((await points.count({collectionName, exact: true})).result.count, 2n);
    },
    async errors() {
        await refuses(Code.NotFound, /`nowhere` doesn't exist/, points.count({collectionName: 'nowhere'}));
        await refuses(Code.InvalidArgument, /expected dim: 4, got 3/, points.query({collectionName, query: nearest(1, 2, 3)}));
        await refuses(Code.InvalidArgument, /NaN/, points.query({collectionName, query: nearest(1, 2, 3, NaN)}));
        await refuses(Code.InvalidArgument, /Unable to parse UUID: xyz/, points.upsert({collectionName, points: [{id: uuid('xyz'), vectors: vector(1, 2, 3, 4)}]}));
        await refuses(Code.Unimplemented, /Recommend/, points.recommend({collectionName}));
        await refuses(Code.Unauthenticated, /Invalid API key/, connect('wrong').api('collections').list({}));
        await refuses(Code.Unauthenticated, /Must provide an API key/, connect(undefined).api('collections').list({}));
    },
    async 'delete collection'() {
        assert.equal((await collections.delete({collectionName})).result, true);
        assert.equal((await collections.collectionExists({collectionName})).result.exists, false);
    },
};

(async () => {
    for (const [name, check] of Object.entries(checks)) {
        try {
            await check();
        } catch (err) {
            console.error(`${name}: ${err.stack}`);
            process.exit(1);
        }
        console.log(`ok ${name}`);
    }
    process.exit(0); // the client keeps its connections open
})();
