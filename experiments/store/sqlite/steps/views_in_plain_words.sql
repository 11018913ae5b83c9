-- Views in plain words, with times in ISO 8601 (a moment is kept as microseconds since 1970-01-01T00Z).
--
-- For reading, with any tool, on a read-only connection: sqlite3 'file:SITE/yesladder.db?mode=ro', datasette, a
-- spreadsheet. They show every count there is, of sealed cohorts or not: the verdict of a result page is reached on
-- sealed ones only.

-- the log
CREATE VIEW "events_readable" AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%S', (received_at - ((received_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((received_at % 1000000 + 1000000) % 1000000)) AS received_at,
    strftime('%Y-%m-%dT%H:%M:%S', (at - ((at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((at % 1000000 + 1000000) % 1000000)) AS happened_at,
    kind, name, visitor, joined AS same_person_as, experiment, variant, properties, attributes, message_id
FROM events
ORDER BY events.received_at, message_id;

-- the steps of every test, in order; `number` counts them from 1, in the order of the path
CREATE VIEW "steps" AS
SELECT
    experiment, phase, row_number() OVER (PARTITION BY experiment, phase ORDER BY part, place) AS number, step, kind
FROM (SELECT
        experiment, phase, 0 AS part, key AS place, json_extract(value, '$.step') AS step,
        CASE WHEN 0 = 0 AND key = json_array_length(definition, '$.path') - 1 THEN 'macro' ELSE 'milestone' END AS kind
    FROM phases, json_each(definition, '$.path')
    UNION ALL SELECT
        experiment, phase, 1 AS part, key AS place, json_extract(value, '$.step') AS step,
        CASE WHEN 1 = 0 AND key = json_array_length(definition, '$.path') - 1 THEN 'macro' ELSE 'secondary' END AS kind
    FROM phases, json_each(definition, '$.secondary')
    UNION ALL SELECT
        experiment, phase, 2 AS part, key AS place, json_extract(value, '$.step') AS step,
        CASE WHEN 2 = 0 AND key = json_array_length(definition, '$.path') - 1 THEN 'macro' ELSE 'guardrail' END AS kind
    FROM phases, json_each(definition, '$.guardrails'))
ORDER BY experiment, phase, number;

-- experiment, phase, step, variant: visitors, how many reached it, rate
CREATE VIEW "results_by_step" AS
SELECT
    r.experiment, r.phase, s.number, r.step, s.kind, r.variant,
    sum(r.visitors) AS visitors, sum(r.reached) AS reached, 1.0 * sum(r.reached) / sum(r.visitors) AS rate
FROM reach r LEFT JOIN steps s ON s.experiment = r.experiment AND s.phase = r.phase AND s.step = r.step
WHERE r.attribute = ''
GROUP BY r.experiment, r.phase, r.step, r.variant
ORDER BY r.experiment, r.phase, s.number, r.variant;

-- the same by device, source, returning, language and the attributes a test names
CREATE VIEW "results_by_segment" AS
SELECT
    r.experiment, r.phase, r.attribute, r.level, s.number, r.step, s.kind, r.variant,
    sum(r.visitors) AS visitors, sum(r.reached) AS reached, 1.0 * sum(r.reached) / sum(r.visitors) AS rate
FROM reach r LEFT JOIN steps s ON s.experiment = r.experiment AND s.phase = r.phase AND s.step = r.step
WHERE r.attribute != ''
GROUP BY r.experiment, r.phase, r.attribute, r.level, r.step, r.variant
ORDER BY r.experiment, r.phase, r.attribute, r.level, s.number, r.variant;

-- who came to the test, by the hour of first exposure
CREATE VIEW "visitors_by_hour" AS
SELECT experiment, phase, strftime('%Y-%m-%dT%H:%M:%SZ', cohort * 3600, 'unixepoch') AS hour, variant, visitors
FROM exposed
ORDER BY experiment, phase, cohort, variant;

-- who came to the test, by the day of first exposure
CREATE VIEW "visitors_by_day" AS
SELECT experiment, phase, date(cohort * 3600, 'unixepoch') AS day, variant, sum(visitors) AS visitors
FROM exposed
GROUP BY experiment, phase, day, variant
ORDER BY experiment, phase, day, variant;

-- what the conversions were worth, in the site's currency
CREATE VIEW "value_by_variant" AS
SELECT
    experiment, phase, variant, sum(visitors) AS visitors,
    sum(value_sum) / 100.0 AS value, sum(value_sum) / 100.0 / sum(visitors) AS value_per_visitor
FROM patterns
WHERE attribute = ''
GROUP BY experiment, phase, variant
ORDER BY experiment, phase, variant;

-- which steps how many visitors reached: the patterns, with what they were worth
CREATE VIEW "what_visitors_did" AS
SELECT
    experiment, phase, variant,
    coalesce((SELECT group_concat(step, ', ')
        FROM (SELECT step
            FROM steps s
            WHERE s.experiment = p.experiment AND s.phase = p.phase AND (p.pattern >> (s.number - 1)) & 1
            ORDER BY s.number)), '') AS steps_reached,
    visitors, value
FROM (SELECT
        experiment, phase, variant, pattern, sum(visitors) AS visitors, sum(value_sum) / 100.0 AS value
    FROM patterns
    WHERE attribute = ''
    GROUP BY experiment, phase, variant, pattern) p
ORDER BY experiment, phase, variant, visitors DESC, pattern;

-- reason, what it means, how many
CREATE VIEW "why_not_counted" AS
WITH words (reason, meaning) AS (VALUES
    ('bot', 'a robot by its own word; not counted'),
    ('staff', 'one of us, as yesladder.yaml says; not counted'),
    ('before-start', 'exposed before the test began; not counted'),
    ('after-end', 'exposed after the test ended; not counted'),
    ('consent-withdrawn', 'took consent back; not counted'),
    ('late', 'an event that came after its numbers were final; kept, not counted'),
    ('second-variant', 'exposed to this variant after another one; counted under the first'),
    ('bad-value', 'a conversion without a usable value; counted, worth 0'),
    ('variant-mismatch', 'refused: an exposure to a variant that was not assigned'),
    ('not-in-experiment', 'refused: an exposure of somebody who is not in the test'),
    ('unknown-experiment', 'refused: no experiment has this key'),
    ('unknown-variant', 'refused: the experiment has no such variant'),
    ('invalid', 'refused: not an event'),
    ('too-large', 'refused: larger than an event may be'),
    ('exposure-lost', 'an automatic exposure that could not be written'))
SELECT experiment, phase, variant, reason, coalesce(meaning, reason) AS meaning, count
FROM (SELECT experiment, phase, variant, reason, count
    FROM ledger
    UNION ALL SELECT '', NULL, '', reason, count
    FROM refused)
LEFT JOIN words USING (reason)
ORDER BY experiment, phase, reason, variant;

-- the newest refused events
CREATE VIEW "refused_events" AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%S', (refused_at - ((refused_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((refused_at % 1000000 + 1000000) % 1000000)) AS refused_at,
    reason, detail, name, visitor, experiment, message_id
FROM refusals
ORDER BY id DESC;

-- when, why, and whose numbers
CREATE VIEW "changes_of_published_numbers" AS
SELECT
    revised_on, cause, experiment, phase,
    strftime('%Y-%m-%dT%H:%M:%S', (cohort_from - ((cohort_from % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((cohort_from % 1000000 + 1000000) % 1000000)) AS exposed_from,
    strftime('%Y-%m-%dT%H:%M:%S', (cohort_to - ((cohort_to % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((cohort_to % 1000000 + 1000000) % 1000000)) AS exposed_to
FROM revisions
ORDER BY revised_on, cause, experiment, phase;

-- the decision log
CREATE VIEW "verdicts" AS
SELECT
    experiment, phase, step, variant, versus, state,
    strftime('%Y-%m-%dT%H:%M:%S', (decided_at - ((decided_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((decided_at % 1000000 + 1000000) % 1000000)) AS decided_at,
    visitors, p_value, p_value_adjusted, relative_interval, method, alpha, family,
    strftime('%Y-%m-%dT%H:%M:%S', (recorded_at - ((recorded_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
    || printf('.%06dZ', ((recorded_at % 1000000 + 1000000) % 1000000)) AS recorded_at
FROM decisions
ORDER BY experiment, phase, decisions.decided_at, step, variant, state;
