using System.Globalization;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests.Costs;

/// <summary>
/// The Cost lines of the kernels' headers against what the emulator counts when their launchers run: bytes, bank conflicts, tensor-core
/// products, multiply-adds. What a header does not name is nought (mma, conflicts, excess), or as little as can be (loads = reads,
/// stores = writes); multiply-adds count where they are named. tests/emulator/README.md has the quantities.
/// </summary>
internal sealed partial class CostTests : CudaTest
{
    private static readonly KernelSources Sources = KernelSources.Embedded();

    private static readonly Dictionary<string, IReadOnlyList<KernelCost>> Costs = Sources.Names.ToDictionary(name => name, name => KernelCost.Read(Sources[name]));

    // Kernels that are counted are other machine code, so it has a place of its own; only NativeFl's own products are kernels.
    protected override CudaBackendOptions Configure(CudaBackendOptions options)
    {
        Emulator.SetCounting(true);
        return Configured(options) with { UseBlas = false };
    }

    private static CudaBackendOptions Configured(CudaBackendOptions options) => options with { KernelCacheFolder = options.KernelCacheFolder + "-counting" };

    private static IEnumerable<CostCase> Cases => [.. RowCases, .. OtherCases, .. ProductCases, .. AttentionCases, .. PlayerCases];

    private static IEnumerable<string> EntryPoints => Sources.Names.SelectMany(Sources.EntryPoints);

    [OneTimeTearDown]
    public void CountNoMore()
    {
        if (TestDevice.IsEmulator) Emulator.SetCounting(false);
    }

    [TestCaseSource(nameof(Cases))]
    public void What_a_header_says_is_what_is_counted(CostCase @case)
    {
        Action op = @case.Prepare(this);
        Backend.Synchronize();
        Emulator.SetCounting(true);
        op();
        Backend.Synchronize();
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> counts = Emulator.Counts();
        Assert.Multiple(() =>
        {
            foreach ((string entry, string values) in @case.Kernels)
            {
                Assert.That(counts.ContainsKey(entry), Is.True, $"{entry} does not run; what runs is {string.Join(", ", counts.Keys)}");
                if (counts.TryGetValue(entry, out IReadOnlyDictionary<string, long>? counted)) Check(entry, CostCase.Values(entry, values), counted);
            }
        });
    }

    [Test]
    public void Every_kernel_has_a_cost_that_a_case_checks()
    {
        Assert.That(EntryPoints.Where(entry => Costs.Values.SelectMany(costs => costs).Count(cost => cost.Holds(entry)) != 1), Is.Empty, "without one cost in a header");
        Assert.That(EntryPoints.Except(Cases.SelectMany(@case => @case.Kernels).Select(kernel => kernel.Entry)), Is.Empty, "without a case");
        Assert.That(
            Costs.SelectMany(file => file.Value.Where(cost => !Sources.EntryPoints(file.Key).Any(cost.Holds)).Select(cost => $"{file.Key}: {cost.Name}")), Is.Empty,
            "costs of no kernel");
    }

    /// <summary>An op of another backend, which ends with it.</summary>
    private static Action With(Func<CudaBackendOptions, CudaBackendOptions> configure, Action<CudaBackend> op)
    {
        CudaBackend backend = CudaBackend.Create(configure(Configured(TestDevice.Options!)));
        return () =>
        {
            op(backend);
            backend.Synchronize();
            backend.Dispose();
        };
    }

    private static void Check(string entry, Dictionary<string, double> values, IReadOnlyDictionary<string, long> counted)
    {
        string all = $"{entry}: {string.Join(", ", counted.Select(pair => $"{pair.Key} {pair.Value}"))}";
        KernelCost[] costs = [.. Costs.Values.SelectMany(costs => costs).Where(cost => cost.Holds(entry))];
        Assert.That(costs, Has.Length.EqualTo(1), all);
        if (costs.Length != 1) return;
        (_, IReadOnlyDictionary<string, string> clauses, IReadOnlyList<(string Name, string Formula)> names) = costs[0];
        foreach ((string name, string formula) in names) values[name] = CostFormula.Evaluate(formula, values);
        long sectors = counted["load_sectors"] + counted["store_sectors"], floor = counted["load_floor"] + counted["store_floor"];
        (string Name, string Otherwise, double Counted)[] quantities =
        [
            ("launches", "1", counted["launches"]),
            ("reads", "0", counted["reads"]),
            ("writes", "0", counted["writes"]),
            ("loads", clauses.GetValueOrDefault("reads", "0"), counted["loads"]),
            ("stores", clauses.GetValueOrDefault("writes", "0"), counted["stores"]),
            ("excess", clauses.ContainsKey("sectors") ? "" : "0", sectors - floor),
            ("sectors", "", (double)sectors / floor),
            ("conflicts", "0", counted["conflicts"]),
            ("mma", "0", counted["mma"]),
            ("fma", "", counted["fma"]),
        ];
        Assert.That(clauses.Keys.Except(quantities.Select(quantity => quantity.Name)), Is.Empty, $"{entry}: quantities that nobody counts");
        string wrong = string.Join(", ", quantities.Select(q => Difference(q.Name, clauses.GetValueOrDefault(q.Name, q.Otherwise), values, q.Counted)).Where(text => text.Length > 0));
        Assert.That(wrong, Is.Empty, all);
    }

    // Nothing where the header's expression is met or says nothing.
    private static string Difference(string name, string formula, Dictionary<string, double> values, double counted)
    {
        if (formula.Length == 0) return "";
        bool isBound = formula[0] == '≤';
        double expected = CostFormula.Evaluate(formula.TrimStart('≤'), values);
        if (isBound ? counted <= expected : counted == expected) return "";
        return string.Create(CultureInfo.InvariantCulture, $"{name}: {formula} is {expected}, counted are {counted}");
    }
}
