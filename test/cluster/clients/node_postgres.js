// node-postgres, spoken to as clients.py says; its argument is the configuration of the client, as JSON.
'use strict';
const pg = require('pg');
const readline = require('readline');

const configuration = JSON.parse(process.argv[2]);
const client = new pg.Client(configuration);
let notices = [];
client.on('notice', (told) => notices.push({message: told.message}));

function parameter(word) {
    const value = word.substring(2);
    return word.startsWith('i:') ? parseInt(value, 10) : word.startsWith('t:') ? value : null;
}

// Without values it goes by the simple protocol, with values by the extended one, with a name prepared.
function query_of(kind, sql, words) {
    if (kind === 'simple') return {text: sql};
    const query = {text: sql, values: words.map(parameter)};
    if (kind === 'kept') query.name = sql;
    return query;
}

async function answer(words) {
    notices = [];
    let rows = [], error = null;
    try {
        rows = (await client.query(query_of(words[0], words[1], words.slice(2)))).rows;
    } catch (raised) {
        error = {state: raised.code || null, message: raised.message, detail: raised.detail, hint: raised.hint,
                 constraint: raised.constraint};
    }
    console.log(JSON.stringify({rows, notices, error}));
}

client.connect().then(() => {
    const requests = readline.createInterface({input: process.stdin});
    requests.on('line', (line) => {
        const words = line.split(' ').map(decodeURIComponent);
        if (words[0] === 'cancel')
            new pg.Client(configuration).cancel(client, client._activeQuery || client.activeQuery);
        else
            answer(words);
    });
    requests.on('close', () => client.end());
});
