//! Configuration items and the relations between them.

use super::FieldType::{Boolean, Decimal, Integer, String as Text};
use super::Table;
use super::choices;

pub(super) fn tables() -> Vec<Table> {
    vec![
        item(),
        Table::new("cmdb_ci_hardware", "Hardware")
            .extends("cmdb_ci")
            .strings(&[("default_gateway", "Default gateway"), ("hardware_status", "Hardware status")]),
        computer(),
        Table::new("cmdb_ci_server", "Server").extends("cmdb_ci_computer").strings(&[
            ("host_name", "Host name"),
            ("classification", "Classification"),
            ("used_for", "Used for"),
        ]),
        Table::new("cmdb_ci_linux_server", "Linux Server")
            .extends("cmdb_ci_server")
            .strings(&[("kernel_release", "Kernel release")]),
        Table::new("cmdb_ci_network_adapter", "Network Adapter")
            .extends("cmdb_ci")
            .references(&[("cmdb_ci", "Configuration item", "cmdb_ci")])
            .strings(&[("netmask", "Netmask"), ("adapter_type", "Type")]),
        Table::new("cmdb_ci_service", "Service")
            .extends("cmdb_ci")
            .strings(&[("service_classification", "Service classification"), ("version", "Version")]),
        Table::new("service_offering", "Service Offering").extends("cmdb_ci_service"),
        Table::new("cmdb_ci_iot", "IoT Device").extends("cmdb_ci_hardware"),
        Table::new("cmdb_ci_edge_device", "Edge Device").extends("cmdb_ci_hardware"),
        Table::new("cmdb_ci_compute_template", "Hardware Type").extends("cmdb_ci"),
        Table::new("cmdb_ci_cloud_os_image", "Cloud OS Image")
            .extends("cmdb_ci")
            .strings(&[("object_id", "Object ID")]),
        Table::new("cmdb_model", "Product Model")
            .display("name")
            .strings(&[("name", "Name"), ("model_number", "Model number")])
            .references(&[("manufacturer", "Manufacturer", "core_company")]),
        Table::new("cmdb_ci_spkg", "Software").extends("cmdb_ci").strings(&[("version", "Version")]),
        Table::new("cmdb_ci_logical_datacenter", "Logical Datacenter")
            .extends("cmdb_ci")
            .strings(&[("object_id", "Object ID"), ("region", "Region")]),
        Table::new("cmdb_ci_os_template", "Image").extends("cmdb_ci").strings(&[
            ("object_id", "Object ID"),
            ("guest_os", "Guest OS"),
            ("image_type", "Image type"),
        ]),
        relation(),
        Table::new("cmdb_rel_type", "CI Relationship Type").display("name").strings(&[
            ("name", "Name"),
            ("parent_descriptor", "Parent descriptor"),
            ("child_descriptor", "Child descriptor"),
        ]),
    ]
}

fn item() -> Table {
    Table::new("cmdb_ci", "Configuration Item")
        .display("name")
        .strings(&[
            ("name", "Name"),
            ("asset_tag", "Asset tag"),
            ("serial_number", "Serial number"),
            ("short_description", "Description"),
            ("comments", "Comments"),
            ("attributes", "Attributes"),
            ("category", "Category"),
            ("subcategory", "Subcategory"),
            ("correlation_id", "Correlation ID"),
            ("correlation_display", "Correlation display"),
            ("environment", "Environment"),
            ("ip_address", "IP Address"),
            ("mac_address", "MAC Address"),
            ("fqdn", "Fully qualified domain name"),
            ("dns_domain", "DNS Domain"),
        ])
        .field("discovery_source", "Discovery source", Text)
        .choices(choices::DISCOVERY_SOURCE)
        .references(&[
            ("assigned_to", "Assigned to", "sys_user"),
            ("owned_by", "Owned by", "sys_user"),
            ("managed_by", "Managed by", "sys_user"),
            ("support_group", "Support group", "sys_user_group"),
            ("assignment_group", "Change Group", "sys_user_group"),
            ("duplicate_of", "Duplicate Of", "cmdb_ci"),
            ("maintenance_schedule", "Maintenance schedule", "cmn_schedule"),
            ("schedule", "Schedule", "cmn_schedule"),
            ("company", "Company", "core_company"),
            ("manufacturer", "Manufacturer", "core_company"),
            ("location", "Location", "cmn_location"),
            ("department", "Department", "cmn_department"),
            ("asset", "Asset", "alm_asset"),
            ("model_id", "Model ID", "cmdb_model"),
            ("change_control", "Approval group", "sys_user_group"),
        ])
        .dates(&[
            ("first_discovered", "First discovered"),
            ("last_discovered", "Most recent discovery"),
            ("install_date", "Installed"),
            ("start_date", "Start date"),
            ("warranty_expiration", "Warranty expiration"),
        ])
        .field("operational_status", "Operational status", Text)
        .default("1")
        .choices(choices::OPERATIONAL_STATUS)
        .field("install_status", "Status", Integer)
        .default("1")
        .choices(choices::INSTALL_STATUS)
        .field("unverified", "Requires verification", Boolean)
        .default("false")
        .field("can_print", "Can Print", Boolean)
        .default("false")
        .field("cost", "Cost", Decimal)
        .field("cost_cc", "Cost currency", Text)
        .default("USD")
        .field("fault_count", "Fault count", Integer)
        .default("0")
        .in_domain()
}

fn computer() -> Table {
    Table::new("cmdb_ci_computer", "Computer")
        .extends("cmdb_ci_hardware")
        .strings(&[
            ("os", "Operating System"),
            ("os_version", "OS Version"),
            ("os_service_pack", "OS Service Pack"),
            ("os_domain", "OS Domain"),
            ("os_address_width", "OS Address Width (bits)"),
            ("cpu_name", "CPU name"),
            ("cpu_type", "CPU type"),
            ("chassis_type", "Chassis type"),
            ("form_factor", "Form factor"),
        ])
        .field("cpu_count", "CPU count", Integer)
        .field("cpu_core_count", "CPU core count", Integer)
        .field("cpu_speed", "CPU speed (MHz)", Decimal)
        .field("ram", "RAM (MB)", Integer)
        .field("disk_space", "Disk space (GB)", Integer)
        .field("virtual", "Is Virtual", Boolean)
        .default("false")
}

fn relation() -> Table {
    Table::new("cmdb_rel_ci", "CI Relationship")
        .display("sys_id")
        .references(&[
            ("parent", "Parent", "cmdb_ci"),
            ("child", "Child", "cmdb_ci"),
            ("type", "Type", "cmdb_rel_type"),
        ])
        .strings(&[("connection_strength", "Connection strength"), ("port", "Port")])
        .field("percent_outage", "Percent outage", Integer)
}
