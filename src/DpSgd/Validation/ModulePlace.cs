using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>A place in a model that holds a module: a field, an item of a list, or the register of a module's children.</summary>
/// <param name="Name">The place, for a message.</param>
/// <param name="Type">What it can hold.</param>
/// <param name="IsRegister">Whether it is the register, which only names the children: the model computes with what it finds elsewhere.</param>
/// <param name="Put">Puts another module there.</param>
internal sealed record ModulePlace(string Name, Type Type, bool IsRegister, Action<nn.Module> Put)
{
    private static readonly FieldInfo Register =
        typeof(nn.Module).GetField("_internal_submodules", BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>All places in a model that hold a module.</summary>
    /// <remarks>Sequential, ModuleList and ModuleDict keep their modules in lists of their own, which are fields like others.</remarks>
    public static List<ModulePlace> Of(nn.Module model, nn.Module module)
    {
        var places = new List<ModulePlace>();
        foreach (var (_, owner) in ModelInspection.Modules(model))
        {
            var children = (OrderedDict<string, nn.Module>)Register.GetValue(owner)!;
            foreach (var (name, child) in children)
            {
                if (ReferenceEquals(child, module))
                    places.Add(new($"the register of {owner.GetType().Name}", typeof(nn.Module), true, other => children[name] = other));
            }
            foreach (var field in FieldsOf(owner))
                places.AddRange(In(field, owner, module));
        }
        return places;
    }

    /// <summary>The fields of the user's or TorchSharp's own class, not those that every module has.</summary>
    private static IEnumerable<FieldInfo> FieldsOf(nn.Module owner)
    {
        for (var type = owner.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
        {
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(nn.HookableModule<,>))
                continue;
            const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            foreach (var field in type.GetFields(own).Where(f => !f.FieldType.IsPrimitive))
                yield return field;
        }
    }

    private static IEnumerable<ModulePlace> In(FieldInfo field, nn.Module owner, nn.Module module)
    {
        var value = field.GetValue(owner);
        var name = $"{NameOf(field)} of {owner.GetType().Name}";
        switch (value)
        {
            case nn.Module held when ReferenceEquals(held, module):
                yield return new($"field {name}", field.FieldType, false, other => field.SetValue(owner, other));
                break;
            case ITuple tuple when WhereIn(tuple, module) is { } at:
                yield return new(
                    $"an item of {name}", TypeOfItem(tuple, at), false, other => field.SetValue(owner, With((ITuple)field.GetValue(owner)!, at, other)));
                break;
            case IDictionary dictionary:
                foreach (var key in dictionary.Keys.Cast<object>().Where(key => ReferenceEquals(dictionary[key], module)).ToList())
                    yield return new($"an item of {name}", ItemType(dictionary, typeof(IDictionary<,>), 1), false, other => dictionary[key] = other);
                break;
            case IList { IsReadOnly: false } list:
                for (var i = 0; i < list.Count; i++)
                {
                    var index = i;
                    if (ReferenceEquals(list[i], module))
                        yield return new($"an item of {name}", ItemType(list, typeof(IList<>), 0), false, other => list[index] = other);
                    else if (list[i] is ITuple pair && WhereIn(pair, module) is { } place)
                        yield return new($"an item of {name}", TypeOfItem(pair, place), false, other => list[index] = With((ITuple)list[index]!, place, other));
                }
                break;
        }
    }

    private static int? WhereIn(ITuple tuple, nn.Module module)
    {
        var at = Enumerable.Range(0, tuple.Length).Where(i => ReferenceEquals(tuple[i], module)).ToList();
        return at.Count == 0 ? null : at[0];
    }

    /// <summary>Type of one of the first seven items: those are the generic arguments.</summary>
    private static Type TypeOfItem(ITuple tuple, int index) => tuple.GetType().GetGenericArguments()[index];

    /// <summary>The same tuple with another item.</summary>
    private static object With(ITuple tuple, int index, nn.Module other) => Activator.CreateInstance(
        tuple.GetType(), [.. Enumerable.Range(0, tuple.Length).Select(i => i == index ? other : tuple[i])])!;

    private static Type ItemType(object collection, Type kind, int argument) =>
        collection.GetType().GetInterfaces().FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == kind)
            ?.GetGenericArguments()[argument] ?? typeof(object);

    /// <summary>A property's field goes by the property's name.</summary>
    private static string NameOf(FieldInfo field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;
}
