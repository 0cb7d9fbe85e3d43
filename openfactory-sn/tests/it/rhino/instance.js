// What the business rule needs of an instance, for Rhino, the engine that instances have: arguments are the script and the
// scenarios as JSON. Prints, as JSON, what each scenario sent and logged.
var Settings = { properties: {}, user: '', milliseconds: 0, id: '', answer: 200 };
var sent, logged, current, previous = null;

var gs = {
    getUserName: function() { return Settings.user; },
    getProperty: function(name) { return Settings.properties[name] || null; },
    generateGUID: function() { return Settings.id; },
    error: function(text) { logged.push(String(text)); }
};

function GlideDateTime() {}
GlideDateTime.prototype.getNumericValue = function() { return Settings.milliseconds; };

// By Java's own HMAC: the key in base64, the data as UTF-8, the MAC in base64.
function GlideCertificateEncryption() {}
GlideCertificateEncryption.prototype.generateMac = function(key, algorithm, data) {
    var bytes = java.util.Base64.getDecoder().decode(new java.lang.String(key));
    var mac = javax.crypto.Mac.getInstance(algorithm);
    mac.init(new javax.crypto.spec.SecretKeySpec(bytes, algorithm));
    var signed = mac.doFinal(new java.lang.String(data).getBytes('UTF-8'));
    return String(java.util.Base64.getEncoder().encodeToString(signed));
};

var sn_ws = { RESTMessageV2: function() { this.headers = {}; } };
sn_ws.RESTMessageV2.prototype = {
    setEndpoint: function(url) { this.url = url; },
    setHttpMethod: function(method) { this.method = method; },
    setHttpTimeout: function(milliseconds) { this.timeout = milliseconds; },
    setRequestHeader: function(name, value) { this.headers[name] = value; },
    setRequestBody: function(body) { this.body = body; },
    execute: function() {
        if (Settings.answer === 0) {
            throw new Error('connection refused');
        }
        sent.push({ url: this.url, method: this.method, headers: this.headers, body: this.body });
        return { getStatusCode: function() { return Settings.answer; } };
    }
};

function GlideRecord(table, operation, values) {
    this.getTableName = function() { return table; };
    this.getUniqueValue = function() { return values.sys_id; };
    this.operation = function() { return operation; };
    this.isValidField = function(name) { return name in values; };
    // As an instance: nothing of an empty field, and text of Java's, not of JavaScript's.
    this.getValue = function(name) { return values[name] ? new java.lang.String(values[name]) : null; };
}

var script = arguments[0];
var outcomes = JSON.parse(arguments[1]).map(function(scenario) {
    sent = [];
    logged = [];
    for (var name in Settings) {
        Settings[name] = scenario[name];
    }
    current = new GlideRecord(scenario.table, scenario.operation, scenario.record);
    load(script);
    return { sent: sent, logged: logged };
});
print(JSON.stringify(outcomes));
