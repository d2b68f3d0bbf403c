using System.Text.Json.Nodes;

namespace NativeFl.Models;

/// <summary>
/// Makes the adapter_config.json of given factors. The commonest rank and alpha become r and lora_alpha; every module that differs is
/// named in full in rank_pattern and alpha_pattern, which all versions of PEFT match alike.
/// </summary>
internal static class AdapterConfigJson
{
    public static JsonObject Make(IReadOnlyList<KeyValuePair<ModuleId, LoraFactors>> modules, AdapterSettings settings)
    {
        (int Rank, double Alpha)[] values = [.. modules.Select(m => (m.Value.Rank, Alpha(m.Value, settings.UseRsLora)))];
        (int rank, double alpha) = values.Length == 0 ? (1, 1) : values.GroupBy(v => v).MaxBy(group => group.Count())!.Key;
        JsonObject ranks = [], alphas = [];
        for (int i = 0; i < values.Length; i++)
        {
            string name = modules[i].Key.Name;
            if (values[i].Rank != rank) ranks[name] = values[i].Rank;
            if (values[i].Alpha != alpha) alphas[name] = Number(values[i].Alpha);
        }

        return new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = settings.BaseModel,
            ["r"] = rank,
            ["lora_alpha"] = Number(alpha),
            ["lora_dropout"] = settings.Dropout,
            ["target_modules"] = new JsonArray([.. Targets(modules, settings.LayerCount).Select(name => (JsonNode)name)]),
            ["rank_pattern"] = ranks,
            ["alpha_pattern"] = alphas,
            ["use_rslora"] = settings.UseRsLora,
            ["use_dora"] = false,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["init_lora_weights"] = true,
            ["inference_mode"] = true,
            ["modules_to_save"] = null,
            ["layers_to_transform"] = null,
            ["layers_pattern"] = null,
            ["revision"] = null,
        };
    }

    // Short names only for projections that every layer has, and only if that says it all: PEFT adapts whatever a name matches.
    private static IEnumerable<string> Targets(IReadOnlyList<KeyValuePair<ModuleId, LoraFactors>> modules, int layers)
    {
        foreach (IGrouping<Projection, ModuleId> group in modules.Select(m => m.Key).GroupBy(m => m.Projection).OrderBy(g => g.Key))
        {
            if (layers > 0 && group.Count() == layers)
            {
                yield return ModuleId.ShortName(group.Key);
                continue;
            }

            foreach (ModuleId module in group) yield return module.Name;
        }
    }

    // α = s r (or s √r), as the shortest decimal from which the same f32 scaling comes back: 10 and not 9.999999761581421.
    private static double Alpha(LoraFactors factors, bool useRsLora)
    {
        double divisor = useRsLora ? Math.Sqrt(factors.Rank) : factors.Rank, alpha = factors.Scaling * divisor;
        for (int digits = 0; digits <= 9; digits++)
        {
            double rounded = Math.Round(alpha, digits);
            if ((float)(rounded / divisor) == factors.Scaling) return rounded;
        }

        return alpha;
    }

    private static JsonValue Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue ? JsonValue.Create((int)value) : JsonValue.Create(value);
}
