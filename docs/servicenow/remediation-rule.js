/*
 * Records who wrote an instruction on an incident, and when. OpenFactory begins nothing on the word of an incident that
 * does not say so.
 *
 * NOT TRIED ON AN INSTANCE. Try it on a sub-production instance before you rely on it.
 *
 * Set-up
 * 1. Three columns of the table incident:
 *      u_remediation      choice: rollback, rebuild, quarantine (value and label alike), with "-- None --"
 *      u_remediation_by   string, 100
 *      u_remediation_at   date/time
 * 2. Access controls: u_remediation is written by the role of those who may instruct; the other two by nobody.
 * 3. A business rule on incident: When: before, Insert and Update, order 50, no condition; Advanced, this script.
 * 4. The rule that tells OpenFactory of changes (business-rule.js) also runs if u_remediation changes. Without that an
 *    instruction is found when the incident is read again, at intervals.
 * 5. The router's configuration names, by user_name, whose instructions count.
 */
(function executeRule(current, previous) {
    if (current.u_remediation.changes()) {
        current.u_remediation_by = gs.getUserName();
        current.u_remediation_at = new GlideDateTime();
        return;
    }
    // Nobody says in another's name that he instructed it, nor that it was instructed anew.
    if (current.u_remediation_by.changes()) {
        current.u_remediation_by = previous.u_remediation_by;
    }
    if (current.u_remediation_at.changes()) {
        current.u_remediation_at = previous.u_remediation_at;
    }
})(current, previous);
