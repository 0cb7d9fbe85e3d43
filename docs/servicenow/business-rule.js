/*
 * Tells OpenFactory that a record changed: a webhook signed by the scheme of Standard Webhooks
 * (https://www.standardwebhooks.com), which openfactory_sn::webhook verifies.
 *
 * NOT TRIED ON AN INSTANCE. Written from the public API references of GlideCertificateEncryption and RESTMessageV2; its
 * signing is tested in Rhino, with stand-ins for the platform's objects, against the receiver's verifier. Try it on a
 * sub-production instance before you rely on it.
 *
 * Set-up, unless by the update set beside this file (README.md)
 * 1. Two system properties, the second of type password2:
 *      openfactory.webhook.url      https://router.example.com/api/webhooks/servicenow
 *      openfactory.webhook.secret   what follows `whsec_` in the receiver's secret, unchanged: it is the key in base64,
 *                                   which is what generateMac takes
 * 2. One business rule for each table that is listened to:
 *      change_request   When: async, after Insert and Update; condition: State changes OR Approval changes
 *      incident         When: async, after Insert and Update; condition: State changes OR Assigned to changes
 *    Both: Advanced, this script.
 * 3. The line below that leaves out the integration's own updates needs its user name.
 *
 * In a scoped application use `new CertificateEncryption()` instead of `new GlideCertificateEncryption()`.
 *
 * What it does not do: retry. The platform's outbound REST does not either, so a webhook can be lost, doubled or late. The
 * receiver takes it as a hint, reads the record by itself, and looks for changed records at intervals.
 */
(function executeRule(current, previous) {
    var INTEGRATION_USER = 'svc_openfactory';
    if (gs.getUserName() == INTEGRATION_USER) {
        return;
    }

    var url = gs.getProperty('openfactory.webhook.url');
    var key = gs.getProperty('openfactory.webhook.secret');
    if (!url || !key) {
        gs.error('OpenFactory webhook: url or secret is not set; nothing sent for ' + current.getUniqueValue());
        return;
    }

    // Raw values, not display values: the receiver compares them with the Table API's.
    var fields = ['number', 'state', 'approval', 'assigned_to', 'sys_updated_on', 'sys_updated_by', 'sys_mod_count'];
    var payload = {
        table: current.getTableName(),
        sys_id: current.getUniqueValue(),
        operation: current.operation() == 'insert' ? 'insert' : 'update'
    };
    for (var i = 0; i < fields.length; i++) {
        if (current.isValidField(fields[i])) {
            payload[fields[i]] = current.getValue(fields[i]) || '';
        }
    }

    // The body is made once, and exactly this text is signed and sent. Escaping everything beyond ASCII keeps the signed
    // bytes and the sent bytes the same, whatever encoding either side assumes.
    var body = JSON.stringify(payload).replace(/[\u007f-\uffff]/g, function(character) {
        return '\\u' + ('0000' + character.charCodeAt(0).toString(16)).slice(-4);
    });
    var id = gs.generateGUID(); // no dots, so it cannot be confused with what follows it
    var timestamp = String(Math.floor(new GlideDateTime().getNumericValue() / 1000));
    var mac = new GlideCertificateEncryption().generateMac(key, 'HmacSHA256', id + '.' + timestamp + '.' + body);

    try {
        var request = new sn_ws.RESTMessageV2();
        request.setEndpoint(url);
        request.setHttpMethod('POST');
        request.setHttpTimeout(10000);
        request.setRequestHeader('Content-Type', 'application/json');
        request.setRequestHeader('webhook-id', id);
        request.setRequestHeader('webhook-timestamp', timestamp);
        request.setRequestHeader('webhook-signature', 'v1,' + mac);
        request.setRequestBody(body);
        var status = request.execute().getStatusCode();
        if (status < 200 || status > 299) {
            gs.error('OpenFactory webhook ' + id + ' for ' + payload.sys_id + ': answered ' + status);
        }
    } catch (error) {
        gs.error('OpenFactory webhook ' + id + ' for ' + payload.sys_id + ': ' + error);
    }
})(current, previous);
