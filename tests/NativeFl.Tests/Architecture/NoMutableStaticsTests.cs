using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace NativeFl.Tests.Architecture;

/// <summary>Statics are constants: readonly, and of types that cannot change. A private readonly array is a table that only its type sees.</summary>
public sealed class NoMutableStaticsTests
{
    private const BindingFlags Statics = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Type[] ImmutableByContract =
        [typeof(string), typeof(Regex), typeof(Encoding), typeof(Type), typeof(Version), typeof(decimal), typeof(Uri), typeof(UInt128), typeof(Int128)];

    private static readonly Type[] ReadOnlyShapes =
    [
        typeof(FrozenDictionary<,>), typeof(FrozenSet<>), typeof(IReadOnlyList<>), typeof(IReadOnlyDictionary<,>), typeof(IReadOnlySet<>),
        typeof(IReadOnlyCollection<>), typeof(System.Buffers.SearchValues<>), typeof(Nullable<>),
    ];

    [Test]
    public void Static_fields_are_constants()
    {
        string[] mutable =
        [
            .. ProductAssemblies.All.SelectMany(assembly => assembly.GetTypes())
                .Where(type => !ProductAssemblies.IsGenerated(type))
                .SelectMany(type => type.GetFields(Statics))
                .Where(field => !IsCompilerMade(field) && !field.IsLiteral && !IsConstant(field))
                .Select(field => $"{field.DeclaringType!.FullName}.{field.Name}: {field.FieldType.Name}"),
        ];
        Assert.That(mutable, Is.Empty);
    }

    [Test]
    public void The_rule_tells_mutable_from_immutable()
    {
        Assert.Multiple(() =>
        {
            Assert.That(IsImmutable(typeof(string)), Is.True);
            Assert.That(IsImmutable(typeof(IReadOnlyList<int>)), Is.True);
            Assert.That(IsImmutable(typeof(NativeFl.Models.RopeScaling)), Is.True);
            Assert.That(IsImmutable(typeof(List<int>)), Is.False);
            Assert.That(IsImmutable(typeof(int[])), Is.False);
            Assert.That(IsImmutable(typeof(StringBuilder)), Is.False);
            Assert.That(IsConstant(typeof(Sample).GetField("_counter", Statics)!), Is.False);
            Assert.That(Sample.Next(), Is.EqualTo(1));
            Assert.That(IsConstant(typeof(Sample).GetField(nameof(Sample.Shared), Statics)!), Is.False);
        });
    }

    // A static auto-property has a compiler-made backing field; only a get-only one is readonly, so those fields are checked like any other.
    private static bool IsCompilerMade(FieldInfo field) =>
        field.IsDefined(typeof(CompilerGeneratedAttribute)) && !field.Name.EndsWith("k__BackingField", StringComparison.Ordinal);

    private static bool IsConstant(FieldInfo field) =>
        field.IsInitOnly && (IsImmutable(field.FieldType) || (field.IsPrivate && field.FieldType.IsArray && IsImmutableOrArray(field.FieldType.GetElementType()!)));

    private static bool IsImmutableOrArray(Type type) => IsImmutable(type) || (type.IsArray && IsImmutableOrArray(type.GetElementType()!));

    private static bool IsImmutable(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || ImmutableByContract.Contains(type) || type.IsSubclassOf(typeof(Delegate))) return true;
        if (type.IsArray || type.IsGenericParameter) return false;
        if (type.Namespace == "System.Collections.Immutable") return type.GetGenericArguments().All(IsImmutable);
        if (type.IsGenericType && ReadOnlyShapes.Contains(type.GetGenericTypeDefinition())) return type.GetGenericArguments().All(IsImmutable);
        if (type.IsInterface || !(type.IsValueType || type.IsSealed)) return false;
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        return fields.All(field => field.IsInitOnly && field.FieldType != type && IsImmutable(field.FieldType));
    }

    private static class Sample
    {
        public static readonly List<int> Shared = [];
        private static int _counter;

        public static int Next() => ++_counter;
    }
}
