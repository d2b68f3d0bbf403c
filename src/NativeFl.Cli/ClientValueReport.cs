using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>What clients are worth: as JSON, as tables on the terminal, and as bars in a report.</summary>
internal static class ClientValueReport
{
    /// <summary>
    /// Half of a 95 % interval in standard errors: Student's quantile by its Cornish-Fisher series in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5; at 3, the
    /// fewest, 3.15 for 3.18), where pairs of orders were sampled; else the normal law's.
    /// </summary>
    internal static double Half(int? pairs)
    {
        const double z = 1.959964;
        if (pairs is not { } sampled) return z;
        double v = sampled - 1, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
        return z + ((z3 + z) / (4 * v)) + (((5 * z5) + (16 * z3) + (3 * z)) / (96 * v * v)) + (((3 * z7) + (19 * z5) + (17 * z3) - (15 * z)) / (384 * v * v * v));
    }

    /// <summary>[{"game","estimator",…,"clients":[{"id","value","stderr","interval",…}]}, …].</summary>
    public static JsonArray Json(IReadOnlyList<ClientValues> values) => new([.. values.Select(Json)]);

    /// <summary>Adds a round's values to its numbers: "values" in full, and in every client "value", "value_stderr" and "leave_one_out" of the first game.</summary>
    public static void AddTo(JsonObject round, IReadOnlyList<ClientValues>? values)
    {
        if (values is null) return;
        round["values"] = Json(values);
        Dictionary<int, ClientValue> byId = values[0].Clients.ToDictionary(c => c.Id);
        foreach (JsonObject client in round["clients"]!.AsArray().Select(c => c!.AsObject()))
        {
            if (!byId.TryGetValue(client["id"]!.GetValue<int>(), out ClientValue? value)) continue;
            client["value"] = JsonOutput.Number(value.Value);
            client["value_stderr"] = JsonOutput.Number(value.StandardError);
            client["leave_one_out"] = JsonOutput.Number(value.LeaveOneOut);
        }
    }

    /// <summary>A plan in words.</summary>
    public static string How(ClientValuePlan plan) => plan.Estimator switch
    {
        ClientValuePlan.Exact => string.Create(CultureInfo.InvariantCulture, $"exact, {plan.Evaluations} coalitions"),
        ClientValuePlan.Antithetic => string.Create(CultureInfo.InvariantCulture, $"{plan.Pairs} pairs of orders, at most {plan.Evaluations} coalitions"),
        _ => string.Create(CultureInfo.InvariantCulture, $"first order, one backward pass and at most {plan.Evaluations} coalitions"),
    };

    /// <summary>A table of one game.</summary>
    /// <param name="caption">What it shows.</param>
    /// <param name="values">The game as JSON.</param>
    /// <param name="names">What a client is called; null: its id.</param>
    public static ReportTable Table(string caption, JsonObject values, Func<int, string>? names = null) => new(
        caption,
        ["client", "weight", "value", "95 % interval", "leave one out"],
        [.. Clients(values).Select(c => (IReadOnlyList<string>)
        [
            Name(c, names), Figures.Short(JsonInput.Number(c["weight"])), Signed(JsonInput.Number(c["value"])),
            c["interval"] is null ? "–" : $"{Signed(JsonInput.Number(c["interval"]![0]))} to {Signed(JsonInput.Number(c["interval"]![1]))}",
            c["leave_one_out"] is null ? "–" : Signed(JsonInput.Number(c["leave_one_out"])),
        ])]);

    /// <summary>Bars of one game, with 95 % intervals.</summary>
    public static BarChart Bars(string title, JsonObject values, Func<int, string>? names = null) => new()
    {
        Title = title,
        ValueLabel = $"value (nats a validation token), {(Caveat(values) is null ? "95 % interval" : "no interval")}",
        ValueFormat = "+0.00000;-0.00000;0",
        Bars = [.. Clients(values).Select(c => new PlotBar(
            names is null ? "client " + Name(c, names) : Name(c, names), JsonInput.Number(c["value"]), c["interval"] is null ? 0 : JsonInput.Number(c["interval"]![1]) - JsonInput.Number(c["value"])))],
    };

    /// <summary>A game's name, its estimator and its cost, for a caption.</summary>
    public static string Title(JsonObject values) => string.Create(
        CultureInfo.InvariantCulture,
        $"{values["game"]} weights, {values["estimator"]} from {values["evaluations"]} of at most {values["planned_evaluations"]} coalitions");

    /// <summary>What the values of a game cannot tell; null: nothing that their intervals do not say.</summary>
    public static string? Caveat(JsonObject values) =>
        $"{values["game"]}" == "renormalised" && $"{values["estimator"]}" == ClientValuePlan.FirstOrder
            ? "First-order values of the renormalised game give the order of the clients, not the size of their values, and have no standard error."
            : null;

    private static JsonObject Json(ClientValues values)
    {
        ClientValuePlan plan = values.Plan;
        return new JsonObject
        {
            ["game"] = values.Game,
            ["estimator"] = plan.Estimator,
            ["pairs"] = plan.Estimator == ClientValuePlan.Antithetic ? plan.Pairs : null,
            ["v_empty"] = JsonOutput.Number(values.Empty),
            ["v_all"] = JsonOutput.Number(values.All),
            ["evaluations"] = values.Evaluations,
            ["planned_evaluations"] = plan.Evaluations,
            ["operations"] = JsonOutput.Number(values.Operations),
            ["planned_operations"] = JsonOutput.Number(plan.Operations),
            ["budget_operations"] = JsonOutput.Number(plan.Budget),
            ["training_operations"] = JsonOutput.Number(plan.TrainingOperations),
            ["left_out"] = values.LeftOut,
            ["clients"] = new JsonArray([.. values.Clients.Select(client => Json(client, Half(plan.Estimator == ClientValuePlan.Antithetic ? plan.Pairs : null)))]),
        };
    }

    private static JsonObject Json(ClientValue client, double half) => new()
    {
        ["id"] = client.Id,
        ["weight"] = JsonOutput.Number(client.Weight),
        ["value"] = JsonOutput.Number(client.Value),
        ["stderr"] = JsonOutput.Number(client.StandardError),
        ["interval"] = client.StandardError is { } error && double.IsFinite(error) && double.IsFinite(client.Value)
            ? JsonOutput.Numbers([client.Value - (half * error), client.Value + (half * error)])
            : null,
        ["sampling_stderr"] = JsonOutput.Number(client.SamplingError),
        ["leave_one_out"] = JsonOutput.Number(client.LeaveOneOut),
        ["leave_one_out_stderr"] = JsonOutput.Number(client.LeaveOneOutError),
    };

    private static IEnumerable<JsonObject> Clients(JsonObject values) => values["clients"]!.AsArray().Select(c => c!.AsObject());

    private static string Name(JsonObject client, Func<int, string>? names) => names is null ? client["id"]!.ToJsonString() : names((int)JsonInput.Number(client["id"]));

    private static string Signed(double value) => double.IsFinite(value) ? value.ToString("+0.00000;-0.00000;0", CultureInfo.InvariantCulture) : "not finite";
}
